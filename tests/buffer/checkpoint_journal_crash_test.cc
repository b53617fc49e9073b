// The machine stops after every step, in every way that the simulated disk knows; the journal keeps its promises.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/buffer/journal_world.h"

namespace tailrace {
namespace {

using namespace std::chrono_literals;

struct Crash {
  JournalFsync fsync;
  CrashMode mode;
};

std::string name_of(const testing::TestParamInfo<Crash>& info) {
  static const char* const kFsync[] = {"Sync", "Async", "Off"};
  static const char* const kMode[] = {"Keep", "Drop", "Tear"};
  return std::string(kFsync[static_cast<int>(info.param.fsync)]) + kMode[static_cast<int>(info.param.mode)];
}

class CheckpointJournalCrash : public testing::TestWithParam<Crash> {
 protected:
  using Program = std::function<void(JournalWorld&)>;

  // Runs `program` once to count its steps, then again for each step, stopping there. `prepare` comes before the steps.
  void crash_after_every_step(const Program& prepare, const Program& program) {
    const std::uint64_t steps = steps_of(prepare, program);
    ASSERT_GE(steps, 10u);
    for (std::uint64_t step = 1; step <= steps; ++step) {
      for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        SCOPED_TRACE(testing::Message() << "crash after step " << step << " of " << steps << ", seed " << seed);
        JournalWorld world(GetParam().fsync);
        prepare(world);
        world.disk.faults().stop_after(step);
        program(world);
        SimRandom random(seed);
        restart(world, random);
        if (HasFatalFailure()) return;
      }
    }
  }

  static std::uint64_t steps_of(const Program& prepare, const Program& program) {
    JournalWorld world(GetParam().fsync);
    prepare(world);
    const std::uint64_t before = world.disk.faults().steps();
    program(world);
    return world.disk.faults().steps() - before;
  }

  // Twice: what the first restart finds must still be there after a crash right behind it.
  void restart(JournalWorld& world, SimRandom& random) {
    for (int i = 0; i < 2; ++i) {
      world.disk.faults().heal();
      world.crash(GetParam().mode, random);
      world.open();
      ASSERT_TRUE(world.is_writable);
      ASSERT_NO_FATAL_FAILURE(world.check_replayed());
      world.adopt_replayed();
    }
  }
  static std::uint64_t seeds() { return GetParam().mode == CrashMode::tear ? 4 : 1; }
};

void open_with_two_sources(JournalWorld& world) {
  world.open();
  world.put(1, 10);
  world.put(2, 20);
  world.settle();
}

TEST_P(CheckpointJournalCrash, OfAppendsAndForgets) {
  crash_after_every_step(open_with_two_sources, [](JournalWorld& world) {
    for (Offset n = 1; n <= 12; ++n) {
      world.advance(1, 10 + n);
      if (n % 3 == 0) world.put(100 + n, n);
      if (n == 7) world.forget(2);
      world.turn(400ms);
      if (n % 4 == 0) world.settle();
    }
    world.settle();
  });
}

TEST_P(CheckpointJournalCrash, OfTheFirstOpenAndOfEveryLaterOne) {
  const auto nothing = [](JournalWorld&) {};
  crash_after_every_step(nothing, [](JournalWorld& world) {
    open_with_two_sources(world);
    if (world.disk.faults().is_stopped()) return;
    world.kill();
    world.open();
    world.advance(1, 11);
    world.settle();
  });
}

// The new segment's snapshot is taken, then the workers are held while sources change, so that the takeover has to
// catch up.
TEST_P(CheckpointJournalCrash, OfCompactionsWithChangesInBetween) {
  const auto prepare = [](JournalWorld& world) {
    open_with_two_sources(world);
    world.workers.hold(true);
    for (Offset acked = 11; world.workers.waiting() == 0; ++acked) {
      world.advance(1, acked);
      world.turn(50ms);
    }
  };
  crash_after_every_step(prepare, [](JournalWorld& world) {
    world.advance(2, 2000);
    world.put(3, 3);
    world.turns(3, 400ms);
    world.forget(2);
    world.advance(1, 5000);
    world.turns(3, 400ms);
    world.workers.hold(false);
    for (Offset acked = 5001; acked < 5020; ++acked) {
      world.advance(1, acked);
      world.turn(400ms);
    }
    world.settle();
  });
}

TEST_P(CheckpointJournalCrash, AfterAnFsyncFailed) {
  crash_after_every_step(open_with_two_sources, [](JournalWorld& world) {
    world.advance(1, 30);
    world.settle();
    world.disk.faults().add({.op = SimOp::sync_data, .times = 2});
    for (Offset acked = 31; acked < 40; ++acked) {
      world.advance(1, acked);
      world.turns(3, 400ms);
    }
    world.settle();
  });
}

TEST_P(CheckpointJournalCrash, AfterTheDirectorysFsyncFailed) {
  const auto prepare = [](JournalWorld& world) {
    open_with_two_sources(world);
    world.disk.faults().add({.op = SimOp::sync_directory, .times = 2});
    world.workers.hold(true);
    for (Offset acked = 11; world.workers.waiting() == 0; ++acked) {
      world.advance(1, acked);
      world.turn(50ms);
    }
  };
  crash_after_every_step(prepare, [](JournalWorld& world) {
    world.workers.hold(false);
    for (Offset acked = 5001; acked < 5010; ++acked) {
      world.advance(1, acked);
      world.turns(2, 400ms);
    }
    world.settle();
  });
}

// Under `off` only the process may die: there is no promise about power.
INSTANTIATE_TEST_SUITE_P(
    , CheckpointJournalCrash,
    testing::Values(Crash{JournalFsync::sync, CrashMode::keep}, Crash{JournalFsync::sync, CrashMode::drop},
                    Crash{JournalFsync::sync, CrashMode::tear}, Crash{JournalFsync::async, CrashMode::drop},
                    Crash{JournalFsync::async, CrashMode::tear}, Crash{JournalFsync::off, CrashMode::keep}),
    name_of);

// Random programs against the model; a failing seed is in the trace.
class JournalProgram {
 public:
  JournalProgram(std::uint64_t seed, JournalFsync fsync)
      : random_(seed), world_(fsync, {.seed = seed, .delay_max = 3, .reorders = true, .short_percent = 20}) {}

  void run(int steps) {
    world_.open();
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) step();
  }
  std::uint64_t restarts() const { return restarts_; }
  std::uint64_t promises() const { return promises_; }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  void step() {
    const std::uint64_t dice = below(1000);
    if (dice < 60) {
      put();
    } else if (dice < 500) {
      if (!alive_.empty()) advance();
    } else if (dice < 520) {
      if (!alive_.empty()) forget();
    } else if (dice < 960) {
      world_.turn(std::chrono::milliseconds(below(700)));
    } else if (dice < 970) {
      world_.workers.hold(below(3) == 0);
    } else if (dice < 985) {
      break_something();
    } else if (dice < 992) {
      world_.disk.faults().heal();
      world_.workers.hold(false);
    } else {
      restart();
    }
  }
  void put() {
    alive_[next_] = below(1000);
    world_.put(next_, alive_[next_]);
    ++next_;
  }
  std::map<std::uint64_t, Offset>::iterator any() { return std::next(alive_.begin(), below(alive_.size())); }
  void advance() {
    const auto it = any();
    it->second += 1 + below(5000);
    world_.advance(it->first, it->second);
  }
  void forget() {
    const auto it = any();
    world_.forget(it->first);
    alive_.erase(it);
  }
  void break_something() {
    static constexpr SimOp kOps[] = {SimOp::write,  SimOp::sync_data, SimOp::sync_directory, SimOp::rename,
                                     SimOp::remove, SimOp::allocate,  SimOp::open_write};
    world_.disk.faults().add({.op = kOps[below(std::size(kOps))], .times = 1 + below(3), .after = below(3)});
    if (below(4) == 0) world_.disk.faults().stop_after(below(20));  // in the middle of what comes next
  }
  void restart() {
    promises_ += world_.promised.size();
    world_.disk.faults().heal();
    if (world_.settings.fsync == JournalFsync::off) {
      world_.kill();
    } else {
      world_.crash(static_cast<CrashMode>(below(3)), random_);
    }
    world_.workers.hold(false);
    world_.open();
    ASSERT_TRUE(world_.is_writable);
    ASSERT_NO_FATAL_FAILURE(world_.check_replayed());
    world_.adopt_replayed();
    alive_.clear();
    for (const auto& [id, checkpoint] : world_.journal->all()) alive_[id.low] = checkpoint.progress.acked;
    if (below(2) == 0) {
      ASSERT_TRUE(world_.settle());
    }
    ++restarts_;
  }

  SimRandom random_;
  JournalWorld world_;
  std::map<std::uint64_t, Offset> alive_;
  std::uint64_t next_ = 1, restarts_ = 0, promises_ = 0;
};

TEST(CheckpointJournalProperty, RandomProgramsOfChangesFaultsAndCrashesKeepEveryPromise) {
  std::uint64_t restarts = 0, promises = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    JournalProgram program(seed, static_cast<JournalFsync>(seed % 3));
    program.run(2000);
    if (HasFatalFailure()) return;
    restarts += program.restarts();
    promises += program.promises();
  }
  // The programs did meet what they are about.
  EXPECT_GT(restarts, 500u);
  EXPECT_GT(promises, 10'000u);
}

}  // namespace
}  // namespace tailrace
