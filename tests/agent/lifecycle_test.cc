#include "agent/lifecycle.h"

#include <gtest/gtest.h>

#include <csignal>

#include "fake_pipeline.h"

namespace tailrace {
namespace {

using std::chrono::seconds;

class Life : public testing::Test {
 protected:
  Lifecycle& begin(LifecycleSettings settings) {
    lifecycle_.emplace(pipeline_, notify_, settings);
    lifecycle_->start(now_, wall_);
    return *lifecycle_;
  }
  void turn() { lifecycle_->turn(now_, wall_); }

  FakePipeline pipeline_;
  Notify notify_;
  Instant now_{seconds(1000)};
  const WallTime wall_{};
  std::optional<Lifecycle> lifecycle_;
};

TEST_F(Life, RunsUntilItIsToldToEnd) {
  Lifecycle& life = begin({});
  pipeline_.drained = true;  // nothing to ship is no reason to end
  turn();
  EXPECT_EQ(pipeline_.starts, 1);
  EXPECT_EQ(pipeline_.turns, 1);
  EXPECT_EQ(life.exit_status(), std::nullopt);
  EXPECT_EQ(life.next_deadline(), kNever);
}

TEST_F(Life, ASignalDrainsAndTheDrainedPipelineEndsItWithZero) {
  Lifecycle& life = begin({.shutdown_timeout = seconds(25)});
  life.on_signal(SIGTERM, now_);
  EXPECT_EQ(pipeline_.drains, std::vector{ShutdownMode::drain});
  EXPECT_EQ(life.next_deadline(), now_ + seconds(25));
  turn();
  EXPECT_EQ(life.exit_status(), std::nullopt);
  pipeline_.drained = true;
  turn();
  EXPECT_EQ(life.exit_status(), 0);
  EXPECT_TRUE(life.is_clean());
}

TEST_F(Life, ShutdownFlushIsPassedOn) {
  begin({.shutdown = ShutdownMode::flush}).on_signal(SIGINT, now_);
  EXPECT_EQ(pipeline_.drains, std::vector{ShutdownMode::flush});
}

TEST_F(Life, ADrainThatRunsOutOfTimeEndsWithZeroAndWaitsForNobody) {
  Lifecycle& life = begin({.shutdown_timeout = seconds(5)});
  life.on_signal(SIGTERM, now_);
  now_ += seconds(5);
  turn();
  EXPECT_EQ(life.exit_status(), 0);
  EXPECT_FALSE(life.is_clean());
}

TEST_F(Life, ASecondSignalEndsAtOnceWithItsNumber) {
  Lifecycle& life = begin({});
  life.on_signal(SIGTERM, now_);
  life.on_signal(SIGINT, now_);
  EXPECT_EQ(life.exit_status(), 128 + SIGINT);
  EXPECT_FALSE(life.is_clean());
  EXPECT_EQ(pipeline_.drains.size(), 1u);
}

TEST_F(Life, SighupIsNeverASignalToEnd) {
  Lifecycle& life = begin({});
  life.on_signal(SIGHUP, now_);
  life.on_signal(SIGHUP, now_);
  EXPECT_TRUE(pipeline_.drains.empty());
  EXPECT_EQ(life.exit_status(), std::nullopt);
  life.on_signal(SIGTERM, now_);
  life.on_signal(SIGHUP, now_);
  EXPECT_EQ(life.exit_status(), std::nullopt);
}

TEST_F(Life, APipelineThatStopsGivesTheExitStatus) {
  Lifecycle& life = begin({});
  pipeline_.stopped = PipelineStop{1, "on_reject = \"stop\""};
  turn();
  EXPECT_EQ(life.exit_status(), 1);
}

TEST_F(Life, OnceEndsByItselfWhenAllIsShipped) {
  Lifecycle& life = begin({.once = true});
  turn();
  EXPECT_EQ(life.exit_status(), std::nullopt);
  pipeline_.drained = true;
  turn();
  EXPECT_EQ(life.exit_status(), 0);
}

TEST_F(Life, OnceFailsWhereAFileCouldNotBeRead) {
  Lifecycle& life = begin({.once = true});
  pipeline_.drained = pipeline_.met_errors = true;
  turn();
  EXPECT_EQ(life.exit_status(), 1);
}

TEST_F(Life, OnceWithNothingMatchedSucceeds) {
  Lifecycle& life = begin({.once = true});
  pipeline_.drained = true;
  pipeline_.matched = 0;
  turn();
  EXPECT_EQ(life.exit_status(), 0);
}

TEST_F(Life, OnceThatIsInterruptedBeforeAllWasAcknowledgedFails) {
  Lifecycle& life = begin({.once = true, .shutdown_timeout = seconds(5)});
  life.on_signal(SIGTERM, now_);
  now_ += seconds(5);
  turn();
  EXPECT_EQ(life.exit_status(), 1);
}

TEST_F(Life, OnceThatIsInterruptedAndStillShipsAllSucceeds) {
  Lifecycle& life = begin({.once = true});
  life.on_signal(SIGTERM, now_);
  pipeline_.drained = true;
  turn();
  EXPECT_EQ(life.exit_status(), 0);
}

TEST_F(Life, OnceThatIsInterruptedUnderFlushFails) {
  Lifecycle& life = begin({.once = true, .shutdown = ShutdownMode::flush});
  life.on_signal(SIGTERM, now_);
  pipeline_.drained = true;
  turn();
  EXPECT_EQ(life.exit_status(), 1);
}

TEST_F(Life, SleepsNoLongerThanThePipelineWants) {
  Lifecycle& life = begin({});
  pipeline_.deadline = now_ + seconds(1);
  EXPECT_EQ(life.next_deadline(), now_ + seconds(1));
  life.on_signal(SIGTERM, now_);
  EXPECT_EQ(life.next_deadline(), now_ + seconds(1));
}

}  // namespace
}  // namespace tailrace
