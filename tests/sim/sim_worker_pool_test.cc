#include "tests/sim/sim_worker_pool.h"

#include <gtest/gtest.h>

#include <string>

namespace tailrace {
namespace {

TEST(SimWorkerPool, DispatchRunsWhatWaitsInOrder) {
  SimWorkerPool pool;
  std::string trace;
  pool.submit([&] { trace += 'a'; }, [&](Instant) { trace += 'A'; });
  pool.submit([&] { trace += 'b'; }, [&](Instant) { trace += 'B'; });
  EXPECT_EQ(trace, "");
  EXPECT_EQ(pool.pending(), 2u);
  EXPECT_EQ(pool.dispatch(Instant{}), 2u);
  EXPECT_EQ(trace, "abAB");
  EXPECT_EQ(pool.pending(), 0u);
}

TEST(SimWorkerPool, HeldJobsRunOneAtATimeAndAreDoneAtTheNextDispatch) {
  SimWorkerPool pool;
  pool.hold(true);
  std::string trace;
  pool.submit([&] { trace += 'a'; }, [&](Instant) { trace += 'A'; });
  pool.submit([&] { trace += 'b'; }, [&](Instant) { trace += 'B'; });
  EXPECT_EQ(pool.dispatch(Instant{}), 0u);
  EXPECT_TRUE(pool.run_one());
  EXPECT_EQ(trace, "a");
  EXPECT_EQ(pool.dispatch(Instant{}), 1u);
  EXPECT_EQ(trace, "aA");
  EXPECT_EQ(pool.waiting(), 1u);
}

TEST(SimWorkerPool, AJobThatItsDoneSubmitsRunsInTheNextDispatch) {
  SimWorkerPool pool;
  int runs = 0;
  pool.submit([&] { ++runs; }, [&](Instant) { pool.submit([&] { ++runs; }, {}); });
  pool.dispatch(Instant{});
  EXPECT_EQ(runs, 1);
  pool.dispatch(Instant{});
  EXPECT_EQ(runs, 2);
}

}  // namespace
}  // namespace tailrace
