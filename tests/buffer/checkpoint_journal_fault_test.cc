// What the disk may do to the journal while the machine stays up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/buffer/journal_world.h"

namespace tailrace {
namespace {

using namespace std::chrono_literals;

// Fills the 16 KiB segment until a new one is due; source 1 ends at what is returned.
Offset fill_segment(JournalWorld& world, Offset acked = 1) {
  // One write is looked at, so that none is for a second: what the workers have then is the new segment.
  world.advance(1, ++acked);
  world.turn(1s);
  world.turns(2);
  while (world.workers.run_one()) continue;  // also where the test holds them
  world.turn();
  for (int i = 0; i < 2000 && world.workers.waiting() == 0; ++i) {
    world.advance(1, ++acked);
    world.turn();
  }
  EXPECT_EQ(world.workers.waiting(), 1u);
  return acked;
}

TEST(CheckpointJournalFaults, AFullSegmentIsReplacedAndNothingIsLost) {
  JournalWorld world(JournalFsync::off);
  world.open();
  world.put(1);
  world.put(2, 22);
  Offset acked = 1;
  for (int i = 0; i < 5; ++i) {
    acked = fill_segment(world, acked);
    world.turns(5);
  }
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.journal->counters().compactions, 5u);
  EXPECT_EQ(world.journal->counters().errors, 0u);
  EXPECT_EQ(world.promised[id_of(1)], acked);
  EXPECT_LE(world.disk.used_bytes(), 2 * 16 * 1024u);
  world.turns(3);                                // the last old descriptor is closed on a worker
  EXPECT_EQ(world.disk.open_descriptors(), 2u);  // it and its directory
  world.kill();
  world.open();
  world.check_replayed();
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, acked);
}

// The worker takes its time: appends go on in the old segment, and what they say is in the new one as well.
TEST(CheckpointJournalFaults, AppendsGoOnDuringACompactionAndAreInTheNewSegment) {
  JournalWorld world;
  world.open();
  world.put(1);
  world.put(2, 5);
  ASSERT_TRUE(world.settle());
  world.workers.hold(true);
  Offset acked = fill_segment(world);
  ASSERT_EQ(world.workers.waiting(), 1u);
  world.advance(2, 50);
  world.put(3, 33);
  world.turns(5);
  EXPECT_EQ(world.promised[id_of(2)], 50u);  // durable in the old one, before the new one is there
  EXPECT_EQ(world.promised[id_of(3)], 33u);
  world.workers.hold(false);
  world.turns(10);
  EXPECT_EQ(world.journal->counters().compactions, 1u);
  world.kill();
  world.open();
  world.check_replayed();
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, acked);
}

// The segment fills up before its successor is there: what changes waits in memory, one entry a source.
TEST(CheckpointJournalFaults, AFullSegmentWithoutASuccessorKeepsTheChangesInMemory) {
  JournalWorld world(JournalFsync::off);
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  world.workers.hold(true);
  for (Offset acked = 1; acked <= 2000; ++acked) {
    world.advance(1, acked);
    world.turn();
  }
  EXPECT_LT(world.promised[id_of(1)], 2000u);
  EXPECT_GT(world.promised[id_of(1)], 200u);
  EXPECT_FALSE(world.journal->is_settled());
  EXPECT_FALSE(world.journal->is_degraded());
  world.workers.hold(false);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 2000u);
}

// The kernel has dropped the pages: a second fsync of the file would say yes and be wrong. The simulated disk does
// that.
TEST(CheckpointJournalFaults, AFailedFsyncIsNotTriedAgainButTheJournalWrittenAnew) {
  JournalWorld world;
  world.open();
  world.put(1, 1);
  ASSERT_TRUE(world.settle());
  world.disk.faults().add({.op = SimOp::sync_data, .path_contains = "checkpoints"});
  world.advance(1, 2);
  world.turns(2);
  world.engine.dispatch(world.clock.now());  // the fsync fails
  EXPECT_TRUE(world.journal->is_degraded());
  EXPECT_EQ(world.promised[id_of(1)], 1u);
  ASSERT_TRUE(world.settle());
  EXPECT_FALSE(world.journal->is_degraded());
  EXPECT_EQ(world.promised[id_of(1)], 2u);
  EXPECT_EQ(world.journal->counters().errors, 1u);
  EXPECT_EQ(world.journal->counters().compactions, 1u);
  SimRandom random(1);
  world.crash(CrashMode::drop, random);
  world.open();
  world.check_replayed();
}

TEST(CheckpointJournalFaults, AFailedWriteIsAnsweredByANewSegment) {
  JournalWorld world;
  world.open();
  world.put(1, 1);
  ASSERT_TRUE(world.settle());
  world.disk.faults().add({.op = SimOp::write});
  world.advance(1, 2);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 2u);
  EXPECT_EQ(world.journal->counters().errors, 1u);
}

TEST(CheckpointJournalFaults, ShortWritesAreContinued) {
  JournalWorld world(JournalFsync::sync, {.seed = 3, .delay_max = 2, .reorders = true, .short_percent = 80});
  world.open();
  for (std::uint64_t n = 1; n <= 50; ++n) {
    world.put(n, n);
    world.turn();
  }
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.journal->counters().errors, 0u);
  world.kill();
  EXPECT_EQ(world.open().bad_at, 0u);
  EXPECT_EQ(world.journal->all().size(), 50u);
  world.check_replayed();
}

TEST(CheckpointJournalFaults, AFullDiskAtTheStartIsWaitedOutInMemory) {
  JournalWorld world;
  world.disk.set_capacity(4096);
  world.open();
  EXPECT_FALSE(world.is_writable);
  EXPECT_TRUE(world.journal->is_degraded());
  world.put(1, 9);
  world.turns(50, 1s);
  EXPECT_EQ(world.promised.size(), 0u);
  EXPECT_FALSE(world.journal->is_settled());
  EXPECT_GT(world.journal->unsynced_seconds(world.clock.now()), 48);
  EXPECT_GT(world.journal->counters().errors, 4u);
  EXPECT_FALSE(world.disk.exists(kJournalFile + ".new"));  // it holds none of the room that is missing
  world.disk.set_capacity(1 << 20);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 9u);
  EXPECT_EQ(world.journal->unsynced_seconds(world.clock.now()), 0);
  world.kill();
  EXPECT_TRUE(world.open().is_usable);
}

TEST(CheckpointJournalFaults, WithAReadOnlyDirectoryTheOldCheckpointsCount) {
  JournalWorld world;
  world.open();
  world.put(1, 9);
  ASSERT_TRUE(world.settle());
  world.kill();
  world.disk.set_read_only(true);
  const JournalOpened opened = world.open();
  EXPECT_TRUE(opened.existed && opened.is_usable);
  EXPECT_FALSE(world.is_writable);
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, 9u);
  world.advance(1, 10);
  world.turns(5, 1s);
  EXPECT_EQ(world.promised[id_of(1)], 9u);
  world.disk.set_read_only(false);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 10u);
}

TEST(CheckpointJournalFaults, RetriesComeAtOnceThenAfterOneSecondDoublingToThirty) {
  JournalWorld world;
  world.open();
  world.put(1, 1);
  ASSERT_TRUE(world.settle());
  world.disk.faults().add({.op = SimOp::sync_data, .times = SimFault::kAlways});
  world.advance(1, 2);
  std::vector<std::int64_t> gaps;
  std::uint64_t errors = world.journal->counters().errors;
  Instant last = world.clock.now();
  for (int i = 0; i < 2000 && gaps.size() < 9; ++i) {
    world.turn(100ms);
    EXPECT_GE(world.journal->next_deadline(), world.clock.now() - 100ms);
    if (world.journal->counters().errors == errors) continue;
    errors = world.journal->counters().errors;
    gaps.push_back((world.clock.now() - last) / 1s);
    last = world.clock.now();
  }
  EXPECT_THAT(gaps, testing::ElementsAre(0, 0, 1, 2, 4, 8, 16, 30, 30));
  world.disk.faults().heal();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 2u);
}

// The name points to the new file, but perhaps not after a crash: an append to it could vanish with it.
TEST(CheckpointJournalFaults, AfterARenameThatMayNotLastNothingIsAppendedToEitherFile) {
  JournalWorld world;
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  world.disk.faults().add({.op = SimOp::sync_directory, .times = 3});
  const Offset acked = fill_segment(world);
  world.turns(10);
  EXPECT_TRUE(world.journal->is_degraded());
  world.advance(1, acked + 1);
  world.turns(10);
  EXPECT_LE(world.promised[id_of(1)], acked);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], acked + 1);
  SimRandom random(1);
  world.crash(CrashMode::drop, random);
  world.open();
  world.check_replayed();
}

TEST(CheckpointJournalFaults, WhenOnlyTheNewSegmentCannotBeWrittenTheOldOneIsUsedUpAndFsynced) {
  JournalWorld world;
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  world.disk.faults().add({.op = SimOp::allocate, .sys_errno = ENOSPC, .times = SimFault::kAlways});
  for (Offset acked = 1; acked <= 400; ++acked) {
    world.advance(1, acked);
    world.turns(4);
  }
  EXPECT_TRUE(world.journal->is_degraded());  // full, and no successor
  EXPECT_GT(world.promised[id_of(1)], 250u);
  EXPECT_LT(world.promised[id_of(1)], 400u);
  SimRandom random(1);
  world.disk.faults().heal();
  world.crash(CrashMode::drop, random);
  world.open();
  world.check_replayed();
}

// The disk hangs for as long as 300,000 short-lived files come and go.
TEST(CheckpointJournalFaults, ForgottenSourcesDoNotPileUpWhileTheDiskHangs) {
  JournalWorld world;
  world.open();
  world.put(1, 1);
  ASSERT_TRUE(world.settle());
  world.engine.hold(true);
  world.workers.hold(true);
  for (std::uint64_t n = 2; n < 300'002; ++n) {
    world.journal->put(checkpoint_of(n));
    world.journal->forget(id_of(n));
    if (n % 100 == 0) world.turn();
    ASSERT_LE(world.journal->waiting_changes(), 200'000u);
  }
  world.engine.hold(false);
  world.workers.hold(false);
  ASSERT_TRUE(world.settle());
  world.kill();
  world.open();
  EXPECT_EQ(world.journal->all().size(), 1u);
}

TEST(CheckpointJournalFaults, WhatACompactionLeftBehindIsRemoved) {
  JournalWorld world;
  world.disk.append(kJournalFile + ".new", std::string(100'000, 'x'));
  world.open();
  EXPECT_TRUE(world.is_writable);
  EXPECT_FALSE(world.disk.exists(kJournalFile + ".new"));
}

TEST(CheckpointJournalFaults, AJournalThatIsGoneBeforeItsWorkerIsDoneIsNoTrouble) {
  JournalWorld world(JournalFsync::off);
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  world.workers.hold(true);
  fill_segment(world);
  ASSERT_EQ(world.workers.waiting(), 1u);
  world.journal.reset();
  world.workers.hold(false);
  EXPECT_EQ(world.workers.dispatch(world.clock.now()), 1u);
  EXPECT_EQ(world.disk.open_descriptors(), 0u);
}

}  // namespace
}  // namespace tailrace
