#include "agent/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tailrace {
namespace {

// The signals stay blocked for this process: what a test raises waits for the loop's descriptor.
class Loop : public testing::Test {
 protected:
  void SetUp() override {
    block_signals();
    Result<std::unique_ptr<EventLoop>> made = EventLoop::create(clock_);
    ASSERT_TRUE(made);
    loop_ = std::move(*made);
  }
  // Turns until the `last` turn; a test that hangs here is ended by ctest.
  void run_turns(int last, Instant deadline = kNever) {
    loop_->run(
        [&](Instant, WallTime) {
          if (++turns_ == last) loop_->stop();
        },
        [deadline] { return deadline; });
  }

  const SystemClock clock_;
  std::unique_ptr<EventLoop> loop_;
  int turns_ = 0;
};

TEST_F(Loop, TurnsOnceBeforeItSleeps) {
  run_turns(1);
  EXPECT_EQ(turns_, 1);
}

TEST_F(Loop, AReadableDescriptorWakesItAndItsCallbackRunsBeforeTheTurn) {
  const UniqueFd fd(eventfd(0, EFD_NONBLOCK));
  std::vector<std::string> order;
  ASSERT_TRUE(loop_->watch(fd.get(), [&](Instant) {
    order.push_back("callback");
    eventfd_t value;
    eventfd_read(fd.get(), &value);
  }));
  std::thread other([&] { eventfd_write(fd.get(), 1); });
  loop_->run(
      [&](Instant, WallTime) {
        order.push_back("turn");
        if (order.size() == 3) loop_->stop();
      },
      [] { return kNever; });
  other.join();
  EXPECT_EQ(order, (std::vector<std::string>{"turn", "callback", "turn"}));
}

// Level triggered: the pipeline reads only a part of what is there and must be woken again.
TEST_F(Loop, WhatTheTurnLeavesUnreadWakesItAgain) {
  const UniqueFd fd(eventfd(1, EFD_NONBLOCK));
  ASSERT_TRUE(loop_->watch(fd.get()));
  run_turns(5);
  EXPECT_EQ(turns_, 5);
}

TEST_F(Loop, ADeadlineWakesItAndNotBefore) {
  const Instant deadline = clock_.now() + std::chrono::milliseconds(20);
  run_turns(2, deadline);
  EXPECT_GE(clock_.now(), deadline);
}

TEST_F(Loop, ADeadlineInThePastDoesNotSleep) { run_turns(100, clock_.now() - std::chrono::seconds(1)); }

// The timer that is armed for a far deadline must not hide a nearer one that comes later.
TEST_F(Loop, ANearerDeadlineReplacesAFartherOne) {
  const UniqueFd kick(eventfd(1, EFD_NONBLOCK));
  ASSERT_TRUE(loop_->watch(kick.get(), [&](Instant) {
    eventfd_t value;
    eventfd_read(kick.get(), &value);
  }));
  Instant deadline = clock_.now() + std::chrono::hours(1);
  loop_->run(
      [&](Instant now, WallTime) {
        if (++turns_ == 2) deadline = now + std::chrono::milliseconds(5);
        if (turns_ == 3) loop_->stop();
      },
      [&] { return deadline; });
  EXPECT_EQ(turns_, 3);
}

TEST_F(Loop, SignalsArriveAsCallbacks) {
  std::vector<int> seen;
  loop_->on_signal([&](int signal, Instant) {
    seen.push_back(signal);
    if (seen.size() == 2) loop_->stop();
  });
  kill(getpid(), SIGTERM);
  kill(getpid(), SIGHUP);
  loop_->run([](Instant, WallTime) {}, [] { return kNever; });
  EXPECT_EQ(std::set<int>(seen.begin(), seen.end()), (std::set<int>{SIGTERM, SIGHUP}));
}

TEST_F(Loop, ADescriptorOfMinusOneIsSkippedAndABadOneIsAnError) {
  EXPECT_TRUE(loop_->watch(-1));
  EXPECT_FALSE(loop_->watch(1'000'000));
}

// Interrupted system calls are ordinary: a debugger, a stop and a continue.
TEST_F(Loop, AnInterruptedSleepGoesOn) {
  std::signal(SIGUSR1, [](int) {});
  const pthread_t self = pthread_self();
  const UniqueFd end(eventfd(0, EFD_NONBLOCK));
  ASSERT_TRUE(loop_->watch(end.get(), [&](Instant) { loop_->stop(); }));
  std::thread other([&] {
    for (int i = 0; i < 50; ++i) pthread_kill(self, SIGUSR1);
    eventfd_write(end.get(), 1);
  });
  loop_->run([](Instant, WallTime) {}, [] { return kNever; });
  other.join();
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(Signals, AfterTheLoopTheDefaultActionEndsTheProcess) {
  EXPECT_EXIT(
      {
        block_signals();
        kill(getpid(), SIGTERM);
        unblock_signals();
        _exit(0);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace tailrace
