#include "buffer/checkpoint_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "base/crash_point.h"
#include "tests/buffer/journal_world.h"

namespace tailrace {
namespace {

using namespace std::chrono_literals;

void restart(JournalWorld& world) {
  world.kill();
  world.open();
}

TEST(CheckpointJournal, AMissingJournalIsAFreshStart) {
  JournalWorld world;
  const JournalOpened opened = world.open();
  EXPECT_FALSE(opened.existed);
  EXPECT_FALSE(opened.is_usable);
  EXPECT_TRUE(world.is_writable);
  EXPECT_TRUE(world.journal->all().empty());
  EXPECT_TRUE(world.journal->is_settled());
  EXPECT_EQ(world.journal->next_deadline(), kNever);
}

TEST(CheckpointJournal, WhatWasPutAdvancedAndForgottenIsFoundAfterARestart) {
  JournalWorld world;
  world.open();
  world.put(1);
  world.put(2, 50);
  world.put(3);
  world.advance(1, 100);
  ASSERT_TRUE(world.settle());
  world.forget(3);
  world.advance(1, 200);
  ASSERT_TRUE(world.settle());
  world.kill();
  const JournalOpened opened = world.open();
  EXPECT_TRUE(opened.existed && opened.is_usable && world.is_writable);
  EXPECT_EQ(opened.bad_at, 0u);
  ASSERT_EQ(world.journal->all().size(), 2u);
  EXPECT_EQ(world.journal->find(id_of(1))->progress, (Progress{.acked = 200, .tail_bytes = 8, .tail_hash = 6200}));
  EXPECT_EQ(*world.journal->find(id_of(2)), checkpoint_of(2, 50));
}

// A hundred acknowledgements of one source in a turn: one write, and of one record.
TEST(CheckpointJournal, ManyAdvancesOfOneTurnCostOneRecord) {
  JournalWorld world(JournalFsync::off);
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  const std::string before = world.disk.content(kJournalFile);
  for (Offset acked = 1; acked <= 100; ++acked) world.advance(1, acked);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.journal->counters().writes, 2u);
  const std::string after = world.disk.content(kJournalFile);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < after.size(); ++i) changed += after[i] != before[i] ? 1 : 0;
  EXPECT_LE(changed, 42u);
  EXPECT_EQ(world.promised[id_of(1)], 100u);
}

TEST(CheckpointJournal, SyncCountsOnlyWhatIsFsynced) {
  JournalWorld world(JournalFsync::sync);
  world.open();
  world.put(1, 7);
  world.turn();                              // the write begins
  world.engine.dispatch(world.clock.now());  // it is done, the fsync is asked for
  EXPECT_EQ(world.promised.count(id_of(1)), 0u);
  EXPECT_FALSE(world.journal->is_settled());
  world.turn();  // starts it
  world.turn();
  EXPECT_EQ(world.promised[id_of(1)], 7u);
  EXPECT_TRUE(world.journal->is_settled());
  EXPECT_EQ(world.journal->counters().fsync_seconds.size(), 1u);
}

TEST(CheckpointJournal, AsyncBeginsItsFsyncOneIntervalAfterTheOldestProgress) {
  JournalWorld world(JournalFsync::async);
  world.open();
  world.put(1);
  world.turn();
  const Instant began = world.clock.now();
  for (Offset acked = 1; world.clock.now() < began + 990ms; ++acked) {
    world.advance(1, acked);
    world.turn(10ms);
    EXPECT_TRUE(world.promised.empty());
    EXPECT_LE(world.journal->next_deadline(), began + 1s);
  }
  EXPECT_NEAR(world.journal->unsynced_seconds(world.clock.now()), 0.99, 0.011);
  world.turn(20ms);
  world.turn();
  EXPECT_GE(world.promised[id_of(1)], 98u);
  EXPECT_EQ(world.journal->counters().fsync_seconds.size(), 1u);  // one for a hundred writes
  EXPECT_GT(world.journal->counters().writes, 90u);
}

TEST(CheckpointJournal, HurryDoesNotWaitForTheInterval) {
  JournalWorld world(JournalFsync::async);
  world.open();
  world.put(1, 5);
  world.turns(5);
  EXPECT_TRUE(world.promised.empty());
  world.journal->hurry(true);
  world.turns(3);
  EXPECT_EQ(world.promised[id_of(1)], 5u);
  EXPECT_TRUE(world.journal->is_settled());
}

TEST(CheckpointJournal, OffCountsWhatIsWrittenAndNeverFsyncsAppends) {
  JournalWorld world(JournalFsync::off);
  world.open();
  world.put(1, 5);
  world.turns(3);
  EXPECT_EQ(world.promised[id_of(1)], 5u);
  EXPECT_TRUE(world.journal->is_settled());
  EXPECT_TRUE(world.journal->counters().fsync_seconds.empty());
  restart(world);
  world.check_replayed();
}

TEST(CheckpointJournal, OneWriteAndOneFsyncAreInFlightAtATime) {
  JournalWorld world(JournalFsync::sync);
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  world.engine.hold(true);
  for (Offset acked = 1; acked < 20; ++acked) {
    world.advance(1, acked);
    world.turn();
    EXPECT_LE(world.engine.in_flight(), 1u);
  }
  world.engine.hold(false);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.promised[id_of(1)], 19u);
  EXPECT_EQ(world.journal->counters().writes, 3u);  // the put, the first advance, all that came while it hung
}

TEST(CheckpointJournal, ATornLastRecordIsCut) {
  JournalWorld world;
  world.open();
  world.put(1, 10);
  ASSERT_TRUE(world.settle());
  const std::string one = world.disk.content(kJournalFile);
  world.advance(1, 20);
  ASSERT_TRUE(world.settle());
  const std::string two = world.disk.content(kJournalFile);
  std::size_t begin = 0;
  while (one[begin] == two[begin]) ++begin;
  world.kill();
  world.disk.write(kJournalFile, begin + 30, std::string(12, '\0'));
  const JournalOpened opened = world.open();
  EXPECT_TRUE(opened.is_usable);
  EXPECT_EQ(opened.bad_at, begin);
  EXPECT_EQ(world.journal->counters().errors, 1u);
  EXPECT_EQ(world.journal->find(id_of(1))->progress.acked, 10u);
  world.kill();
  EXPECT_EQ(world.open().bad_at, 0u);  // it is not only skipped: the new segment is clean
}

TEST(CheckpointJournal, AJournalWithoutOneGoodRecordIsKeptAsideAndSaidToHaveExisted) {
  for (const std::string& content :
       {std::string(), std::string("rubbish"), std::string(20'000, 'x'), std::string(20'000, '\0')}) {
    JournalWorld world;
    world.disk.append(kJournalFile, content);
    const JournalOpened opened = world.open();
    EXPECT_TRUE(opened.existed);
    EXPECT_FALSE(opened.is_usable);
    EXPECT_TRUE(world.is_writable);
    EXPECT_EQ(world.disk.content(kJournalFile + ".bad"), content);
    EXPECT_EQ(world.journal->counters().errors, 1u);
    world.put(1, 3);
    ASSERT_TRUE(world.settle());
    restart(world);
    world.check_replayed();
  }
}

TEST(CheckpointJournal, AJournalCutInsideItsHeaderIsABadOne) {
  JournalWorld world;
  world.open();
  world.put(1, 3);
  ASSERT_TRUE(world.settle());
  world.kill();
  const std::string content = world.disk.content(kJournalFile).substr(0, 100);
  ASSERT_TRUE(world.disk.remove(kJournalFile));
  world.disk.append(kJournalFile, content);
  const JournalOpened opened = world.open();
  EXPECT_TRUE(opened.existed && !opened.is_usable);
  EXPECT_EQ(world.disk.content(kJournalFile + ".bad"), content);
  EXPECT_EQ(world.journal->counters().errors, 1u);
}

// The port is taken, say: the next start must find what this one found, and so conclude the same from it.
TEST(CheckpointJournal, AStartThatFailsLeavesADamagedJournalAsItIs) {
  JournalWorld world;
  world.open();
  world.put(1, 10);
  ASSERT_TRUE(world.settle());
  world.kill();
  const std::string good = world.disk.content(kJournalFile);
  for (const std::string& content : {good.substr(0, 4096 + 60) + "torn", std::string("rubbish")}) {
    ASSERT_TRUE(world.disk.remove(kJournalFile));
    world.disk.append(kJournalFile, content);
    const std::uint64_t steps = world.disk.faults().steps();
    const JournalOpened first = world.open_only();
    world.kill();
    EXPECT_EQ(world.disk.faults().steps(), steps);
    EXPECT_EQ(world.disk.content(kJournalFile), content);
    const JournalOpened second = world.open_only();
    EXPECT_TRUE(second.existed && (second.bad_at != 0 || !second.is_usable));
    EXPECT_EQ(second.bad_at, first.bad_at);
    world.kill();
  }
}

TEST(CheckpointJournal, ACrashBetweenPuttingABadOneAsideAndTheNewOneIsNoFirstStart) {
  JournalWorld world;
  world.disk.append(kJournalFile + ".bad", "rubbish");
  const JournalOpened opened = world.open();
  EXPECT_TRUE(opened.existed);
  EXPECT_FALSE(opened.is_usable);
}

TEST(CheckpointJournal, AnUnusedJournalIsReplacedWithoutBeingCalledBad) {
  JournalWorld world;
  world.open();
  world.kill();
  const JournalOpened opened = world.open();
  EXPECT_TRUE(opened.existed);
  EXPECT_FALSE(opened.is_usable);
  EXPECT_FALSE(world.disk.exists(kJournalFile + ".bad"));
}

TEST(CheckpointJournal, AJournalOfANewerVersionIsRefusedAndNotTouched) {
  JournalWorld world;
  world.open();
  world.put(1);
  ASSERT_TRUE(world.settle());
  world.kill();
  std::string content = world.disk.content(kJournalFile);
  content[8] = 2;
  // The header's CRC by a second implementation: bit by bit.
  std::uint32_t crc = ~0u;
  for (int i = 0; i < 24; ++i) {
    crc ^= static_cast<unsigned char>(content[i]);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) content[24 + i] = static_cast<char>(crc >> (8 * i));
  world.disk.write(kJournalFile, 0, content);
  world.disk.append(kJournalFile + ".new", "left over");
  const std::uint64_t steps = world.disk.faults().steps();

  CheckpointJournal journal(world.settings, world.disk, world.engine, world.workers);
  const Result<JournalOpened> opened = journal.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::unsupported);
  EXPECT_THAT(opened.error().text(), testing::HasSubstr("format 2"));
  EXPECT_EQ(world.disk.faults().steps(), steps);
  EXPECT_EQ(world.disk.content(kJournalFile), content);
}

TEST(CheckpointJournal, AnUnreadableJournalIsAnErrorAndIsNotWrittenOver) {
  JournalWorld world;
  world.disk.append(kJournalFile, "perhaps good");
  world.disk.set_permitted(kJournalFile, false);
  CheckpointJournal journal(world.settings, world.disk, world.engine, world.workers);
  const Result<JournalOpened> opened = journal.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::permission);
  EXPECT_EQ(world.disk.content(kJournalFile), "perhaps good");
}

// A good record with a good CRC, but of another segment or another place: never replayed.
TEST(CheckpointJournal, ARecordThatBelongsElsewhereIsNotReplayed) {
  JournalWorld world;
  world.open();
  world.put(1, 10);
  ASSERT_TRUE(world.settle());
  const std::string old = world.disk.content(kJournalFile);
  restart(world);  // a new segment: another epoch, the same record at the same place
  const std::string fresh = world.disk.content(kJournalFile);
  ASSERT_NE(old.substr(4096, 200), fresh.substr(4096, 200));
  const std::size_t record_end = 4096 + 8 + static_cast<unsigned char>(fresh[4096]);  // its length is below 256

  world.kill();
  world.disk.write(kJournalFile, 4096, old.substr(4096, record_end - 4096));
  EXPECT_FALSE(world.open().is_usable);

  world.kill();
  world.disk.write(kJournalFile, 0, fresh);
  world.disk.write(kJournalFile, record_end, fresh.substr(4096, record_end - 4096));
  const Result<StoredCheckpoints> stored = read_checkpoints(world.disk, kStateDir);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->opened.is_usable);
  EXPECT_EQ(stored->opened.bad_at, record_end);
}

TEST(CheckpointJournal, ReadingItForTheListTouchesNothing) {
  JournalWorld world;
  world.open();
  world.put(1, 10);
  world.put(2, 20);
  ASSERT_TRUE(world.settle());
  world.kill();
  const std::uint64_t steps = world.disk.faults().steps();
  const Result<StoredCheckpoints> stored = read_checkpoints(world.disk, kStateDir);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->sources.size(), 2u);
  EXPECT_EQ(stored->sources.at(id_of(2)), checkpoint_of(2, 20));
  EXPECT_EQ(world.disk.faults().steps(), steps);
  EXPECT_EQ(world.disk.open_descriptors(), 0u);

  const Result<StoredCheckpoints> missing = read_checkpoints(world.disk, "/nowhere");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(missing->opened.existed);
}

TEST(CheckpointJournal, SettlesBeforeAnythingWasHandedInAndAfterTheLastForget) {
  JournalWorld world;
  world.open();
  EXPECT_TRUE(world.journal->is_settled());
  world.put(1);
  EXPECT_FALSE(world.journal->is_settled());
  world.forget(1);
  EXPECT_FALSE(world.journal->is_settled());
  ASSERT_TRUE(world.settle());
  restart(world);
  EXPECT_TRUE(world.journal->all().empty());
}

std::vector<std::string>* moments = nullptr;

TEST(CheckpointJournal, NamesTheMomentsAtWhichATestMayKillIt) {
  std::vector<std::string> seen;
  moments = &seen;
  crash_hook = [](const char* moment) { moments->emplace_back(moment); };
  JournalWorld world;
  world.open();
  world.put(1);
  EXPECT_TRUE(world.settle());
  crash_hook = nullptr;
  EXPECT_THAT(seen, testing::ElementsAre("journal.compaction.before_rename", "journal.compaction.after_rename",
                                         "journal.before_append", "journal.after_append", "journal.before_fsync"));
}

}  // namespace
}  // namespace tailrace
