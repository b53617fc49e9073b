// What becomes of the journal when its directory, or the path to it, is not what it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/buffer/journal_world.h"

namespace tailrace {
namespace {

using namespace std::chrono_literals;

void begin(JournalWorld& world) {
  world.open();
  world.put(1, 10);
  world.put(2, 20);
  ASSERT_TRUE(world.settle());
}

// Until what was written is looked at: that is once a second.
void pass_a_second(JournalWorld& world) { world.turns(15, 100ms); }

TEST(CheckpointJournalHome, ADirectoryThatIsRemovedIsMadeAnewWithTheWholeJournal) {
  JournalWorld world;
  begin(world);
  world.disk.erase(kStateDir);
  world.advance(1, 11);
  pass_a_second(world);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.journal->counters().errors, 1u);
  EXPECT_EQ(world.promised[id_of(1)], 11u);
  world.kill();
  EXPECT_TRUE(world.open().is_usable);
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, 11u);
  EXPECT_EQ(world.journal->find(id_of(2))->progress.acked, 20u);  // it had not changed
}

// No write follows the removal: the one before it still has to be looked for.
TEST(CheckpointJournalHome, ARemovalBehindTheLastWriteIsSeen) {
  JournalWorld world;
  begin(world);
  world.advance(1, 11);
  world.turns(6);  // written, fsynced and looked at
  world.advance(1, 12);
  world.turns(6);  // within a second of that look
  ASSERT_EQ(world.promised[id_of(1)], 12u);
  world.disk.erase(kStateDir);
  pass_a_second(world);
  ASSERT_TRUE(world.settle());
  world.kill();
  EXPECT_TRUE(world.open().is_usable);
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, 12u);
}

TEST(CheckpointJournalHome, AnIdleJournalIsNotLookedAt) {
  JournalWorld world;
  begin(world);
  pass_a_second(world);
  EXPECT_EQ(world.journal->next_deadline(), kNever);
  EXPECT_EQ(world.workers.pending(), 0u);
}

// Something is mounted over it, say.
TEST(CheckpointJournalHome, InAnEmptyDirectoryThatTookItsPlaceItIsWrittenAnew) {
  JournalWorld world;
  begin(world);
  world.disk.move(kStateDir, "/hidden");
  world.disk.make(kStateDir);
  world.advance(1, 11);
  pass_a_second(world);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.journal->counters().errors, 1u);
  world.kill();
  EXPECT_TRUE(world.open().is_usable);
  EXPECT_EQ(world.journal->find(id_of(2))->progress.acked, 20u);
}

TEST(CheckpointJournalHome, AJournalOfAnotherOneThatTookItsPlaceIsLeftAlone) {
  JournalWorld world;
  begin(world);
  world.kill();
  const std::string other = world.disk.content(kJournalFile);
  world.disk.erase(kStateDir);
  world.disk.make(kStateDir);
  begin(world);
  world.disk.move(kStateDir, "/hidden");
  world.disk.make(kStateDir);
  world.disk.append(kJournalFile, other);
  world.advance(1, 11);
  pass_a_second(world);
  const Offset promised = world.promised[id_of(1)];  // the write that was looked at too late
  world.advance(1, 12);
  world.turns(50, 1s);
  EXPECT_TRUE(world.journal->is_degraded() && world.journal->is_stuck());
  EXPECT_GT(world.journal->counters().errors, 2u);
  EXPECT_EQ(world.promised[id_of(1)], promised);  // durable does not pretend
  EXPECT_EQ(world.disk.content(kJournalFile), other);
  EXPECT_FALSE(world.disk.exists(kJournalFile + ".new"));
  // Somebody puts it back.
  world.disk.erase(kStateDir);
  world.disk.move("/hidden", kStateDir);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 12u);
}

// A copy that was put in its place, or what was hidden under a mount: this process wrote it.
TEST(CheckpointJournalHome, AnOlderJournalOfItsOwnIsReplaced) {
  JournalWorld world;
  begin(world);
  const std::string older = world.disk.content(kJournalFile);
  world.disk.erase(kStateDir);
  world.advance(1, 11);
  pass_a_second(world);
  ASSERT_TRUE(world.settle());
  world.disk.erase(kStateDir);
  world.disk.make(kStateDir);
  world.disk.append(kJournalFile, older);
  world.advance(1, 12);
  pass_a_second(world);
  ASSERT_TRUE(world.settle());
  world.kill();
  world.open();
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, 12u);
}

TEST(CheckpointJournalHome, AFileThatIsRemovedIsWrittenAnew) {
  JournalWorld world;
  begin(world);
  world.disk.erase(kJournalFile);
  world.advance(1, 11);
  pass_a_second(world);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.journal->counters().errors, 1u);
  world.kill();
  EXPECT_TRUE(world.open().is_usable);
  EXPECT_EQ(world.journal->find(id_of(2))->progress.acked, 20u);
}

// A drain must not end between the failure and the try that may mend it.
TEST(CheckpointJournalHome, IsStuckOnlyWhenANewSegmentWasTriedInVain) {
  JournalWorld world;
  begin(world);
  world.disk.faults().add({.op = SimOp::write, .path_contains = "checkpoints"});
  world.journal->hurry(true);
  world.advance(1, 11);
  world.turn();
  world.engine.dispatch(world.clock.now());  // the write fails
  EXPECT_TRUE(world.journal->is_degraded());
  EXPECT_FALSE(world.journal->is_stuck());
  world.turns(10);
  EXPECT_TRUE(world.journal->is_settled());
  world.disk.faults().add({.op = SimOp::write, .times = SimFault::kAlways, .path_contains = "checkpoints"});
  world.advance(1, 12);
  world.turns(10);
  EXPECT_TRUE(world.journal->is_stuck());
}

// The agent made it: its name, and those above it, are in directories that nobody else syncs.
TEST(CheckpointJournalHome, ADirectoryThatWasMadeSurvivesALossOfPower) {
  JournalWorld world;
  world.settings.directory = "/var/lib/agent";
  begin(world);
  SimRandom random(1);
  world.crash(CrashMode::drop, random);
  EXPECT_TRUE(world.open().is_usable);
  EXPECT_EQ(world.journal->find(id_of(2))->progress.acked, 20u);
}

// What may pass is no damage: the caller tries again, and what is there is not touched.
TEST(CheckpointJournalHome, AGoodJournalThatCannotBeReadForNowIsNeitherDamagedNorTouched) {
  JournalWorld world;
  begin(world);
  world.kill();
  const std::string good = world.disk.content(kJournalFile);
  for (const SimOp op : {SimOp::open_read, SimOp::read, SimOp::open_directory}) {
    for (const int sys_errno : {ENOMEM, ENFILE, EMFILE, EIO}) {
      world.disk.faults().add({.op = op, .sys_errno = sys_errno});
      const std::uint64_t steps = world.disk.faults().steps();
      CheckpointJournal journal(world.settings, world.disk, world.engine, world.workers);
      const Result<JournalOpened> opened = journal.open();
      ASSERT_FALSE(opened) << sys_errno;
      EXPECT_EQ(opened.error().kind(), ErrorKind::again) << opened.error().text();
      EXPECT_EQ(world.disk.faults().steps(), steps);
    }
  }
  EXPECT_EQ(world.disk.content(kJournalFile), good);
  EXPECT_FALSE(world.disk.exists(kJournalFile + ".bad"));
  EXPECT_EQ(world.open().bad_at, 0u);
  EXPECT_EQ(world.journal->all().size(), 2u);
}

TEST(CheckpointJournalHome, ALinkInTheJournalsPlaceIsNotFollowed) {
  JournalWorld world;
  world.disk.append("/secret", "somebody's own");
  world.disk.symlink("/secret", kJournalFile);
  CheckpointJournal journal(world.settings, world.disk, world.engine, world.workers);
  const Result<JournalOpened> opened = journal.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::permission);
  EXPECT_EQ(world.disk.content("/secret"), "somebody's own");
}

TEST(CheckpointJournalHome, ALinkUnderTheNameOfTheNextSegmentIsRemovedAndNotWrittenThrough) {
  JournalWorld world;
  world.disk.append("/secret", "somebody's own");
  world.disk.symlink("/secret", kJournalFile + ".new");
  begin(world);
  EXPECT_EQ(world.disk.content("/secret"), "somebody's own");
}

}  // namespace
}  // namespace tailrace
