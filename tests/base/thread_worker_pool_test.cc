#include "base/thread_worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <future>
#include <set>

#include "tests/base/temporary_directory.h"
#include "tests/base/wait.h"

namespace tailrace {
namespace {

std::unique_ptr<ThreadWorkerPool> make_pool(unsigned threads) {
  auto pool = ThreadWorkerPool::create(threads);
  return *std::move(pool);
}

void dispatch_all(ThreadWorkerPool& pool) {
  while (pool.pending() > 0) {
    ASSERT_TRUE(is_readable(pool.fd(), kHangMs));
    pool.dispatch(Instant{});
  }
}

TEST(ThreadWorkerPool, WorksElsewhereAndAnswersOnTheLoopThread) {
  auto pool = make_pool(2);
  auto worked_on = std::make_shared<std::thread::id>();
  std::thread::id done_on;
  Instant done_at{};
  const WorkOwner owner;
  pool->submit(
      owner, [worked_on] { *worked_on = std::this_thread::get_id(); },
      [&](Instant now) {
        done_on = std::this_thread::get_id();
        done_at = now;
      });
  EXPECT_EQ(pool->pending(), 1U);
  ASSERT_TRUE(is_readable(pool->fd(), kHangMs));
  const Instant now{std::chrono::seconds(5)};
  EXPECT_EQ(pool->dispatch(now), 1U);
  EXPECT_EQ(pool->pending(), 0U);
  EXPECT_NE(*worked_on, std::this_thread::get_id());
  EXPECT_EQ(done_on, std::this_thread::get_id());
  EXPECT_EQ(done_at, now);
  EXPECT_FALSE(is_readable(pool->fd()));
  EXPECT_EQ(pool->dispatch(now), 0U);
}

TEST(ThreadWorkerPool, StartsJobsInTheirOrder) {
  auto pool = make_pool(1);
  std::vector<int> started;
  for (int i = 0; i < 100; ++i) pool->submit([&started, i] { started.push_back(i); });
  dispatch_all(*pool);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(started[static_cast<std::size_t>(i)], i);
}

TEST(ThreadWorkerPool, ADoneMaySubmit) {
  auto pool = make_pool(3);
  int left = 50;
  const WorkOwner owner;
  std::function<void(Instant)> again = [&](Instant) {
    if (--left > 0) pool->submit(owner, [] {}, again);
  };
  pool->submit(owner, [] {}, again);
  dispatch_all(*pool);
  EXPECT_EQ(left, 0);
}

TEST(ThreadWorkerPool, BlocksEverySignalInItsThreads) {
  auto pool = make_pool(1);
  sigset_t mask;
  sigemptyset(&mask);
  pool->submit([&mask] { pthread_sigmask(SIG_BLOCK, nullptr, &mask); });
  dispatch_all(*pool);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGCHLD})
    EXPECT_EQ(sigismember(&mask, signal), 1);
  sigset_t own;
  pthread_sigmask(SIG_BLOCK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGTERM), 0);
}

// Whoever waited is gone when the job ends: its answer must not touch what was his.
TEST(ThreadWorkerPool, NoDoneReachesAnOwnerThatIsGone) {
  auto pool = make_pool(1);
  struct Waits {
    int answers = 0;
    WorkOwner owner;  // the last: nothing else of it may be gone before
  };
  auto waits = std::make_unique<Waits>();
  const WorkOwner other;
  int others = 0;
  pool->submit(waits->owner, [] {}, [raw = waits.get()](Instant) { ++raw->answers; });
  pool->submit(other, [] {}, [&](Instant) { ++others; });
  dispatch_all(*pool);
  EXPECT_EQ(waits->answers, 1);
  bool was_told = false;
  pool->submit(waits->owner, [] {}, [&](Instant) { was_told = true; });
  pool->submit(other, [] {}, [&](Instant) { ++others; });
  waits.reset();
  dispatch_all(*pool);
  EXPECT_FALSE(was_told);
  EXPECT_EQ(others, 2);
}

// A job hangs in the kernel for ever (here: until the test lets it go). The agent must be able to end all the same.
TEST(ThreadWorkerPool, EndsAlthoughAJobHangs) {
  struct Gate {
    std::promise<void> opened, begun, passed;
  };
  auto gate = std::make_shared<Gate>();
  auto was_second_run = std::make_shared<std::atomic<bool>>(false);
  {
    auto pool = make_pool(1);
    pool->set_grace(Duration::zero());
    const WorkOwner owner;
    pool->submit(
        owner,
        [gate] {
          gate->begun.set_value();
          gate->opened.get_future().wait();
          gate->passed.set_value();
        },
        [](Instant) { FAIL() << "nobody is left to hear of it"; });
    pool->submit([was_second_run] { *was_second_run = true; });
    gate->begun.get_future().wait();
  }
  gate->opened.set_value();
  gate->passed.get_future().wait();
  EXPECT_FALSE(*was_second_run);
}

TEST(ThreadWorkerPool, WaitsForAJobThatOnlyTakesItsTime) {
  auto is_over = std::make_shared<std::atomic<bool>>(false);
  std::promise<void> begun;
  {
    auto pool = make_pool(1);
    pool->set_grace(std::chrono::milliseconds(kHangMs));
    pool->submit([is_over, &begun] {
      begun.set_value();
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      *is_over = true;
    });
    begun.get_future().wait();
  }
  EXPECT_TRUE(*is_over);
}

class WorkerCount : public ::testing::Test {
 protected:
  unsigned count() { return worker_count(directory_ / "cgroup", directory_ / "mount"); }
  unsigned unlimited() {
    return std::clamp(std::thread::hardware_concurrency(), 2U, 8U);  // what no quota makes smaller
  }
  TemporaryDirectory directory_;
};

TEST_F(WorkerCount, WithoutACgroupGoesByTheCores) { EXPECT_EQ(count(), unlimited()); }

TEST_F(WorkerCount, TakesTheSmallestQuotaUpToTheRoot) {
  directory_.write("cgroup", "0::/kubepods/pod1/app\n");
  directory_.write("mount/kubepods/pod1/app/cpu.max", "max 100000\n");
  directory_.write("mount/kubepods/pod1/cpu.max", "50000 100000\n");
  directory_.write("mount/kubepods/cpu.max", "9000000 100000\n");
  EXPECT_EQ(count(), 2U);  // half a core: the least
}

TEST_F(WorkerCount, NeverExceedsTheCoresNorEight) {
  directory_.write("cgroup", "0::/\n");
  directory_.write("mount/cpu.max", "6400000 100000\n");
  EXPECT_EQ(count(), unlimited());
}

TEST_F(WorkerCount, ReadsVersionOne) {
  directory_.write("cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n");
  directory_.write("mount/cpu/cpu.cfs_quota_us", "100000\n");  // in a container the own group is the mount's root
  directory_.write("mount/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(count(), 2U);
}

TEST_F(WorkerCount, TakesMinusOneAndNonsenseForNoQuota) {
  directory_.write("cgroup", "nonsense\n4:cpu:/\n");
  directory_.write("mount/cpu/cpu.cfs_quota_us", "-1\n");
  directory_.write("mount/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(count(), unlimited());
}

}  // namespace
}  // namespace tailrace
