#include "tests/sim/sim_worker_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tailrace {
namespace {

TEST(SimWorkerPool, DispatchRunsWhatWaitsInOrder) {
  SimWorkerPool pool;
  const WorkOwner owner;
  std::string trace;
  pool.submit(owner, [&] { trace += 'a'; }, [&](Instant) { trace += 'A'; });
  pool.submit(owner, [&] { trace += 'b'; }, [&](Instant) { trace += 'B'; });
  EXPECT_EQ(trace, "");
  EXPECT_EQ(pool.pending(), 2u);
  EXPECT_EQ(pool.dispatch(Instant{}), 2u);
  EXPECT_EQ(trace, "abAB");
  EXPECT_EQ(pool.pending(), 0u);
}

TEST(SimWorkerPool, HeldJobsRunOneAtATimeAndAreDoneAtTheNextDispatch) {
  SimWorkerPool pool;
  const WorkOwner owner;
  pool.hold(true);
  std::string trace;
  pool.submit(owner, [&] { trace += 'a'; }, [&](Instant) { trace += 'A'; });
  pool.submit(owner, [&] { trace += 'b'; }, [&](Instant) { trace += 'B'; });
  EXPECT_EQ(pool.dispatch(Instant{}), 0u);
  EXPECT_TRUE(pool.run_one());
  EXPECT_EQ(trace, "a");
  EXPECT_EQ(pool.dispatch(Instant{}), 1u);
  EXPECT_EQ(trace, "aA");
  EXPECT_EQ(pool.waiting(), 1u);
}

TEST(SimWorkerPool, AJobThatItsDoneSubmitsRunsInTheNextDispatch) {
  SimWorkerPool pool;
  const WorkOwner owner;
  int runs = 0;
  pool.submit(owner, [&] { ++runs; }, [&](Instant) { pool.submit([&] { ++runs; }); });
  pool.dispatch(Instant{});
  EXPECT_EQ(runs, 1);
  pool.dispatch(Instant{});
  EXPECT_EQ(runs, 2);
}

TEST(SimWorkerPool, NoDoneReachesAnOwnerThatIsGone) {
  SimWorkerPool pool;
  std::string trace;
  auto owner = std::make_unique<WorkOwner>();
  pool.submit(*owner, [&] { trace += 'a'; }, [&](Instant) { trace += 'A'; });
  pool.submit(*owner, [&] { trace += 'b'; }, [&](Instant) { owner.reset(); });
  pool.submit(*owner, [&] { trace += 'c'; }, [&](Instant) { trace += 'C'; });  // of the same dispatch
  EXPECT_EQ(pool.dispatch(Instant{}), 3u);
  EXPECT_EQ(trace, "abcA");
}

}  // namespace
}  // namespace tailrace
