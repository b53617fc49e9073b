#include <gmock/gmock.h>

#include "tests/agent/pipeline_world.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Tailing : PipelineWorld {};
struct Rotation : PipelineWorld {};
struct Restart : PipelineWorld {};
struct Backpressure : PipelineWorld {};
struct Drain : PipelineWorld {};

TEST_F(Tailing, ShipsWhatIsThereAndWhatIsAppended) {
  disk.append("/log/a.log", lines(0, 3));
  start();
  EXPECT_EQ(delivered(), list(0, 3));
  disk.append("/log/a.log", lines(3, 5));
  run();
  EXPECT_EQ(delivered(), list(0, 5));
  EXPECT_EQ(tailer().lag[1].bytes, 0u);
  EXPECT_GT(tailer().lag[2].bytes, 0u) << "the fsync begins within a second";
  run(seconds(2));
  EXPECT_EQ(tailer().lag[2].bytes, 0u);
  EXPECT_EQ(tailer().counters.acked_lines, 5u);
}

TEST_F(Tailing, AFileThatAppearsIsReadFromItsBeginning) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  disk.append("/log/other.txt", "not ours\n");
  run();
  EXPECT_EQ(delivered(), list(0, 3));
}

TEST_F(Tailing, ADirectoryThatAppearsIsFollowed) {
  config.tailers[0].include = {"/log/**/*.log"};
  start();
  disk.make("/log/deep");
  disk.append("/log/deep/a.log", lines(0, 2));
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 2));
  disk.append("/log/deep/a.log", lines(2, 4));
  run();
  EXPECT_EQ(delivered(), list(0, 4));
}

TEST_F(Tailing, AnUnfinishedLineWaitsForItsEnd) {
  start();
  disk.append("/log/a.log", "line ");
  run();
  EXPECT_TRUE(delivered().empty());
  EXPECT_EQ(tailer().lag[0].bytes, 5u);
  EXPECT_EQ(tailer().lag[0].seconds, 0.0) << "it is not complete: no lag in seconds";
  disk.append("/log/a.log", "0\nline 1\n");
  run();
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Tailing, ALongLineIsSplitAndReadWhole) {
  config.tailers[0].max_line = 1000;
  start();
  disk.append("/log/a.log", std::string(2500, 'x') + "\nshort\n");
  run();
  EXPECT_EQ(delivered(),
            (std::vector<std::string>{std::string(1000, 'x'), std::string(1000, 'x'), std::string(500, 'x'), "short"}));
  EXPECT_EQ(tailer().counters.long_lines_split, 1u);
}

TEST_F(Tailing, TwoNamesOfOneFileShipEachLineOnce) {
  disk.append("/log/a.log", lines(0, 3));
  disk.link("/log/a.log", "/log/b.log");
  start();
  run();
  disk.append("/log/b.log", lines(3, 4));
  run();
  EXPECT_EQ(delivered(), list(0, 4));
}

TEST_F(Tailing, StartAtEndTakesOnlyWhatComesAndRemembersIt) {
  config.tailers[0].start_at = StartAt::end;
  disk.append("/log/a.log", lines(0, 3));
  start();
  EXPECT_TRUE(delivered().empty());
  kill();
  disk.append("/log/a.log", lines(3, 5));
  disk.append("/log/b.log", lines(5, 7));
  start();
  run();
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(3, 7)));
}

// What the damage took may have been that the tailer started long ago: to begin at the end would skip lines.
struct DamagedJournal : Tailing {
  // Both tailers have started; what the journal knows of the second, which begins at the end, is damaged.
  void SetUp() override {
    disk.append("/log/a.log", lines(0, 1));
    start();
    run();
    kill();
    TailerConfig late = config.tailers[0];
    late.name = "late";
    late.include = {"/log/*.late"};
    late.start_at = StartAt::end;
    config.tailers.push_back(late);
    start();
    run();
    kill();
    const std::size_t at = disk.content("/state/checkpoints").find("late", 4096);
    ASSERT_NE(at, std::string::npos);
    disk.write("/state/checkpoints", at, "X");
    disk.append("/log/new.late", lines(1, 3));
  }
  // The other tailer's line may come again: its record stood before the damage or behind it.
  std::vector<std::string> late_lines() const {
    std::vector<std::string> lines = delivered();
    std::erase(lines, "line 0");
    return lines;
  }
};

TEST_F(DamagedJournal, NoTailerStartsForTheFirstTime) {
  start();
  EXPECT_EQ(late_lines(), list(1, 3));
}

TEST_F(DamagedJournal, AStartThatFailsDoesNotMakeTheNextOneTheFirst) {
  start_that_fails();
  start_that_fails();
  start();
  EXPECT_EQ(late_lines(), list(1, 3));
}

TEST_F(DamagedJournal, ACrashRightBehindTheStartDoesNotMakeTheNextOneTheFirst) {
  start_unsettled();
  kill();
  start();
  EXPECT_EQ(late_lines(), list(1, 3));
}

// Nothing is known of an agent that never ran: the second try is its first start.
TEST_F(Tailing, AFirstStartThatFailsLeavesTheNextOneTheFirst) {
  config.tailers[0].start_at = StartAt::end;
  disk.append("/log/a.log", lines(0, 5));
  start_that_fails();
  start();
  disk.append("/log/a.log", lines(5, 7));
  run();
  EXPECT_EQ(delivered(), list(5, 7));
}

// Of all that happens the overflow alone is told: a new file, a followed one that grows, one that grows and is renamed
// to where no pattern names it, one that is deleted.
TEST_F(Tailing, AnOverflowOfTheWatcherLosesNothing) {
  disk.append("/log/a.log", lines(0, 2));
  disk.append("/log/b.log", lines(2, 4));
  disk.append("/log/c.log", lines(4, 6));
  start();
  watcher->set_queue_max(0);
  disk.append("/log/a.log", lines(6, 8));
  disk.append("/log/b.log", lines(8, 10));
  disk.move("/log/b.log", "/log/b.log.1");
  disk.append("/log/b.log", lines(10, 12));
  disk.append("/log/c.log", lines(12, 14));
  disk.erase("/log/c.log");
  disk.append("/log/d.log", lines(14, 16));
  step();
  watcher->set_queue_max(100);
  run(seconds(3));
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 16)));
  EXPECT_EQ(tailer().counters.lost_bytes, decltype(tailer().counters.lost_bytes){});
  EXPECT_EQ(pipeline->snapshot(clock.now(), clock.wall(), 0).watch_overflows, 1u);
}

// watch = "auto", and the kernel has none left: nothing is told, and all is seen.
TEST_F(Tailing, WithoutWatchesDirectoriesArePolled) {
  watch_limit = 0;
  start();
  EXPECT_EQ(tailer().polled_directories, 1u);
  disk.append("/log/a.log", lines(0, 2));
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 2)) << "a new file";
  disk.append("/log/a.log", lines(2, 4));
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 4)) << "a known one that grew";
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log", lines(4, 6));
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 6)) << "and its successor";
}

TEST_F(Tailing, WithWatchPollDirectoriesArePolledThoughThereAreWatches) {
  config.tailers[0].watch = WatchMode::poll;
  start();
  EXPECT_EQ(tailer().polled_directories, 1u);
  disk.append("/log/a.log", lines(0, 2));
  run(seconds(3));
  disk.append("/log/a.log", lines(2, 4));
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 4));
}

TEST_F(Tailing, WhatNoEventToldOfIsFoundWithinAMinute) {
  start();
  disk.append("/log/a.log", lines(0, 2));
  watcher->drop_queue();
  run(seconds(1));
  EXPECT_TRUE(delivered().empty());
  run(seconds(61));
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Rotation, ByRenameReadsTheOldFileToItsEndAndTheNewFromItsBeginning) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run();
  disk.append("/log/a.log", lines(3, 5));
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log.1", lines(5, 7));  // the writer still has it open
  disk.append("/log/a.log", lines(7, 9));
  run();
  EXPECT_EQ(delivered(), list(0, 9));
  EXPECT_EQ(tailer().counters.rotations_renamed, 1u);
  EXPECT_EQ(sink->paths_seen, (std::vector<std::string>{"/log/a.log", "/log/a.log"}));
}

// The whole chain happens between two looks at the directory.
TEST_F(Rotation, AFileThatIsRotatedBeforeItWasLookedAtIsShippedAllTheSame) {
  start();
  workers->hold(true);
  disk.append("/log/a.log", lines(0, 3));
  step(milliseconds(10));
  step(milliseconds(10));
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log", lines(3, 6));
  step(milliseconds(10));
  workers->hold(false);
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 6));
}

TEST_F(Rotation, TruncatedWhileBehindCountsWhatIsLost) {
  start();
  disk.append("/log/a.log", lines(0, 10));
  run();
  sink->room_left = 0;
  disk.append("/log/a.log", lines(10, 20));
  run();
  EXPECT_EQ(tailer().lag[0].bytes, lines(10, 20).size());
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(20, 22));
  run();
  sink->room_left = 1 << 20;
  run();
  EXPECT_EQ(delivered(), list(0, 10) + list(20, 22));
  EXPECT_EQ(lost(LostReason::truncated), lines(10, 20).size());
  EXPECT_EQ(tailer().counters.rotations_truncated, 1u);
}

TEST_F(Rotation, TruncatedAndGrownPastTheOldOffsetIsReadFromItsBeginning) {
  start();
  disk.append("/log/a.log", lines(0, 10));
  run();
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(100, 150));
  run();
  EXPECT_EQ(delivered(), list(0, 10) + list(100, 150));
}

TEST_F(Rotation, TruncatedAndRefilledToTheSameLengthIsReadFromItsBeginning) {
  start();
  disk.append("/log/a.log", "one\ntwo\n");
  run();
  disk.cut("/log/a.log");
  disk.append("/log/a.log", "six\nten\n");
  run();
  EXPECT_EQ(delivered(), (std::vector<std::string>{"one", "two", "six", "ten"}));
}

// What was in memory when the file was truncated is published again after a rewind: it can be read from nowhere.
TEST_F(Rotation, ATruncatedGenerationSurvivesARewind) {
  start();
  sink->is_stalled = true;
  disk.append("/log/a.log", lines(0, 5));
  run();
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(5, 7));
  run();
  sink->must_rewind = true;
  run();
  sink->is_stalled = false;
  run();
  EXPECT_EQ(delivered(), list(0, 7));
  EXPECT_EQ(lost(LostReason::truncated), 0u);
}

TEST_F(Rotation, ADeletedFileIsReadToItsEndAndItsDescriptorClosedAtOnce) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run();
  EXPECT_EQ(tailer().files_open, 1u);
  const std::size_t before = disk.open_descriptors();
  sink->is_stalled = true;
  disk.append("/log/a.log", lines(3, 5));
  disk.erase("/log/a.log");
  run();
  EXPECT_GT(tailer().deleted_bytes, 0u);
  sink->is_stalled = false;
  run();
  EXPECT_EQ(delivered(), list(0, 5));
  EXPECT_EQ(disk.open_descriptors(), before - 1);
  EXPECT_EQ(tailer().deleted_bytes, 0u);
  EXPECT_EQ(tailer().counters.rotations_deleted, 1u);
}

TEST_F(Rotation, AnUnfinishedLastLineIsShippedOnceItsFileIsDeletedAndStill) {
  start();
  disk.append("/log/a.log", "line 0\nline 1");
  run();
  disk.erase("/log/a.log");
  run(milliseconds(500));
  EXPECT_EQ(delivered(), list(0, 1));
  run(seconds(2));
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_EQ(tailer().lag[0].bytes, 0u);
}

TEST_F(Rotation, AnUnfinishedLastLineOfARenamedFileWaitsThirtySeconds) {
  start();
  disk.append("/log/a.log", "line 0\nline 1");
  run();
  disk.move("/log/a.log", "/log/a.log.1");
  run(seconds(25));
  EXPECT_EQ(delivered(), list(0, 1));
  run(seconds(10));
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Rotation, ANewFileWithAReusedInodeAndTheSameFirstLinesIsNew) {
  disk.reuse_inodes(true);
  start();
  disk.append("/log/a.log", lines(0, 3));
  run();
  disk.erase("/log/a.log");
  run();
  disk.append("/log/a.log", lines(0, 3));
  run();
  EXPECT_EQ(delivered(), list(0, 3) + list(0, 3));
}

TEST_F(Rotation, AFileThatIsReplacedAtomicallyIsFollowedByTheNewOne) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run();
  disk.append("/log/a.tmp", lines(3, 6));
  disk.move("/log/a.tmp", "/log/a.log");
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 6));
}

// The second rename is among the events that were lost, and nothing matches its new name: it is looked for.
TEST_F(Rotation, ARotatedFileIsFollowedThroughARenameThatNoEventToldOf) {
  disk.append("/log/a.log", lines(0, 3));
  start();
  disk.move("/log/a.log", "/log/a.log.1");
  run();
  watcher->set_queue_max(0);
  disk.move("/log/a.log.1", "/log/a.log.2");
  run(seconds(3));
  watcher->set_queue_max(16'384);
  run(seconds(3));
  disk.append("/log/a.log.2", lines(3, 5));
  run();
  EXPECT_EQ(delivered(), list(0, 5));
}

// Its inode was another's, which is searched for: it is met there, and renamed before a scan comes by.
TEST_F(Rotation, ANewFileThatASearchMeetsIsNotForgotten) {
  disk.reuse_inodes(true);
  disk.append("/log/a.log", lines(0, 3));
  config.tailers[0].close_idle = seconds(1);
  start();
  run(seconds(3));
  watcher->hold(true);
  disk.erase("/log/a.log");
  watcher->hold(false);
  run(milliseconds(1));
  watcher->hold(true);
  disk.append("/log/b.log", lines(3, 5));
  run();
  disk.move("/log/b.log", "/log/b.old");
  watcher->drop_queue();
  watcher->hold(false);
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 5));
}

// Another file has the inode by then, and cannot be opened at the moment: it is not the one that was renamed.
TEST_F(Rotation, AFileThatCannotBeOpenedIsNotTakenForTheOneThatHadItsInode) {
  disk.reuse_inodes(true);
  start();
  disk.append("/log/a.log", lines(0, 1));
  disk.set_permitted("/log/a.log", false);
  run(milliseconds(100));
  disk.erase("/log/a.log");
  disk.append("/log/b.old", "not ours\n");
  disk.set_permitted("/log/b.old", false);
  run(seconds(3));
  disk.set_permitted("/log/b.old", true);
  run(seconds(70));
  EXPECT_TRUE(delivered().empty());
}

// It was closed, and has just been opened again to be looked at: what it had grown by is read.
TEST_F(Rotation, AFileThatIsDeletedWhileItIsLookedAtIsReadToItsEnd) {
  config.tailers[0].close_idle = seconds(1);
  disk.append("/log/a.log", lines(0, 3));
  start();
  run(seconds(3));
  disk.append("/log/a.log", lines(3, 5));
  engine->hold(true);
  run();
  disk.erase("/log/a.log");
  run(seconds(3));
  engine->hold(false);
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 5));
  EXPECT_EQ(lost(LostReason::deleted), 0u);
}

// The look at its name finds the next file there, and only then come the events of the rename.
TEST_F(Rotation, AFileThatIsRotatedWhileItsNameIsLookedUpIsShippedAllTheSame) {
  start();
  workers->hold(true);
  disk.append("/log/a.log", lines(0, 2));
  step();
  watcher->hold(true);
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log", lines(2, 4));
  workers->hold(false);
  run();
  watcher->hold(false);
  run(seconds(3));
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 4)));
}

// What replaced a file that is followed is rotated before it was looked at: that rename is not the old file's.
TEST_F(Rotation, AFileThatReplacedOneAndIsRotatedAtOnceIsShipped) {
  disk.append("/log/a.log", lines(0, 2));
  start();
  run(seconds(10));
  disk.append("/log/a.tmp", lines(2, 4));
  disk.move("/log/a.tmp", "/log/a.log");
  disk.move("/log/a.log", "/log/a.log.1");
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 4));
}

// It is made under the name that another one was renamed to a moment ago: its unfinished line is not a rotated file's.
TEST_F(Rotation, AFileMadeWhereOneWasRenamedToIsNotTakenForThatOne) {
  disk.append("/log/a.log", lines(0, 2));
  start();
  run();
  workers->hold(true);
  disk.move("/log/a.log", "/log/b.log");
  step();
  disk.erase("/log/b.log");
  disk.append("/log/b.log", "line");
  step();
  workers->hold(false);
  run(seconds(40));
  EXPECT_EQ(delivered(), list(0, 2));
  disk.append("/log/b.log", " 2\n");
  run();
  EXPECT_EQ(delivered(), list(0, 3));
}

// As above, but it is the retry of an open that failed which finds it.
TEST_F(Rotation, AFileMadeWhereOneCouldNotBeOpenedIsNotTakenForThatOne) {
  refuse_a(1);
  disk.move("/log/a.log", "/log/b.log");
  run();
  watcher->hold(true);
  disk.erase("/log/b.log");
  disk.append("/log/b.log", "line");
  watcher->drop_queue();
  watcher->hold(false);
  run(seconds(100));
  EXPECT_TRUE(delivered().empty());
}

// Without birth times its second name was taken for another file: cut, it is one file all the same.
TEST_F(Rotation, AFileThatWasCutAndHasTwoNamesIsShippedOnce) {
  disk.set_keeps_birth_times(false);
  options.open_files_max = 1;
  disk.append("/log/0.log", "other\n");
  disk.append("/log/a.log", lines(0, 3));
  start_unsettled();
  sink->room_left = 0;
  run();
  watcher->hold(true);
  disk.cut("/log/a.log");
  disk.link("/log/a.log", "/log/b.log");
  watcher->drop_queue();
  watcher->hold(false);
  disk.append("/log/b.log", lines(3, 4));
  run();
  sink->room_left = 1 << 20;
  run(seconds(70));
  EXPECT_THAT(delivered(), testing::UnorderedElementsAre("other", "line 3"));
}

TEST_F(Rotation, AFileWhoseSecondNameWasRenamedIsFollowedUnderItsFirst) {
  disk.append("/log/a.log", lines(0, 1));
  disk.link("/log/a.log", "/log/b.log");
  start();
  run();
  disk.move("/log/b.log", "/log/b.old");
  run();
  disk.move("/log/a.log", "/log/a.log.1");
  run();
  disk.append("/log/a.log.1", lines(1, 2));
  run();
  EXPECT_EQ(delivered(), list(0, 2));
}

// What it had reached when it went was not stored yet: its coming back makes it no more durable.
TEST_F(Rotation, AFileThatComesBackIsAsDurableAsItWas) {
  config.tailers[0].close_idle = seconds(1);
  start();
  disk.faults().add({.op = SimOp::sync_data, .sys_errno = EIO, .times = 1000, .path_contains = "/state"});
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(5));
  disk.make("/away");
  disk.move("/log/a.log", "/away/a.log");
  run(seconds(3));
  disk.append("/away/a.log", lines(3, 4));
  disk.move("/away/a.log", "/log/a.log");
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 4));
  EXPECT_EQ(tailer().lag[2].bytes, lines(0, 4).size());
  disk.faults().heal();
  run(seconds(60));
  EXPECT_EQ(tailer().lag[2].bytes, 0u);
}

TEST_F(Restart, GoesOnWhereItWasAcknowledged) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(2));
  kill();
  disk.append("/log/a.log", lines(3, 6));
  start();
  run();
  EXPECT_EQ(delivered(), list(0, 6));
}

TEST_F(Restart, FindsAFileThatWasRenamedMeanwhileOutsideTheGlobs) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(2));
  kill();
  disk.append("/log/a.log", lines(3, 6));
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log", lines(6, 9));
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 9));
}

// A chain of three under one path, all behind: shipped in the order in which they were written.
TEST_F(Restart, AChainOfRotatedFilesIsShippedInItsOrder) {
  start();
  sink->room_left = 0;
  for (int i = 0; i < 3; ++i) {
    disk.append("/log/a.log", lines(i * 3, i * 3 + 3));
    run();
    if (disk.exists("/log/a.log.2")) disk.move("/log/a.log.2", "/log/a.log.3");
    if (disk.exists("/log/a.log.1")) disk.move("/log/a.log.1", "/log/a.log.2");
    disk.move("/log/a.log", "/log/a.log.1");
    run();
  }
  disk.append("/log/a.log", lines(9, 12));
  run(seconds(2));
  kill();
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 12));
}

TEST_F(Restart, AFileThatWasDeletedMeanwhileIsCountedAsLost) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(2));
  sink->is_stalled = true;
  disk.append("/log/a.log", lines(3, 6));
  run();
  pipeline->begin_drain(ShutdownMode::flush, clock.now());
  run();
  kill();
  disk.erase("/log/a.log");
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 3));
  EXPECT_EQ(lost(LostReason::deleted), lines(3, 6).size());
  kill();
  start();
  run(seconds(1));
  EXPECT_EQ(lost(LostReason::deleted), 0u) << "once, and not at each start";
}

// Its consumers read one partition: the next one goes there, although the topic may have more of them by now.
TEST_F(Restart, WhatFollowsAFinishedFileUnderItsPathGoesToItsPartition) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(2));
  EXPECT_EQ(sink->partitions_asked, std::vector<std::int32_t>{-1});
  kill();
  disk.erase("/log/a.log");
  start();
  run(seconds(1));
  kill();
  disk.append("/log/a.log", lines(3, 6));
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 6));
  EXPECT_EQ(sink->partitions_asked, std::vector<std::int32_t>{0});
}

TEST_F(Restart, ATruncationMeanwhileStartsTheFileAtItsBeginning) {
  start();
  disk.append("/log/a.log", lines(0, 300));
  run(seconds(2));
  kill();
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(1000, 1400));
  start();
  run();
  EXPECT_EQ(delivered(), list(0, 300) + list(1000, 1400));
}

// Two things in one pause: what was found under its new name is cut, and still the file that we knew.
TEST_F(Restart, ATruncationAndARenameMeanwhileStartTheFileAtItsBeginning) {
  disk.append("/log/a.log", lines(0, 3));
  start();
  kill();
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(3, 9));
  disk.move("/log/a.log", "/log/a.log.1");
  start();
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 9));
  EXPECT_EQ(tailer().counters.rotations_truncated, 1u);
}

// It is known, has another name, and cannot be opened: said, counted, and read when it can be.
TEST_F(Restart, ARenamedFileThatCannotBeOpenedIsSaidAndWaitedFor) {
  disk.append("/log/a.log", lines(0, 3));
  start();
  run();
  kill();
  disk.append("/log/a.log", lines(3, 5));
  disk.move("/log/a.log", "/log/a.log.1");
  disk.set_permitted("/log/a.log.1", false);
  start();
  run(seconds(3));
  EXPECT_GT(tailer().counters.open_errors[static_cast<std::size_t>(OpenErrorReason::permission)], 0u);
  disk.set_permitted("/log/a.log.1", true);
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 5));
}

TEST_F(Restart, AChangedDeviceNumberMakesNoFileNew) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(2));
  kill();
  disk.set_device(0x999);
  start();
  run();
  EXPECT_EQ(delivered(), list(0, 3));
}

TEST_F(Restart, AfterAKillOnlyUnacknowledgedBatchesAreDoubled) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(2));
  sink->is_silent = true;
  disk.append("/log/a.log", lines(3, 6));
  run();
  EXPECT_EQ(delivered(), list(0, 6));
  kill();
  disk.append("/log/a.log", lines(6, 9));
  start();
  run();
  EXPECT_EQ(delivered(), list(0, 6) + list(3, 9)) << "0 to 2 had been acknowledged, 3 to 5 had only arrived";
}

TEST_F(Backpressure, ReadingStopsAtAQuarterOfMemoryAndGoesOnByItself) {
  config.sinks[0].memory = 4 << 20;
  start();
  sink->is_stalled = true;
  const std::string big = lines(0, 400'000);
  disk.append("/log/a.log", big);
  run(seconds(1));
  EXPECT_LE(tailer().counters.read_bytes, (1u << 20) + 100);
  EXPECT_GT(tailer().counters.read_bytes, 500'000u);
  EXPECT_LE(sink->pool().budget().used(), sink->pool().budget().limit());
  EXPECT_EQ(tailer().lag[1].bytes, big.size()) << "the size is known all the same";
  EXPECT_GT(tailer().lag[1].seconds, 0.5);
  sink->is_stalled = false;
  run(seconds(2));
  EXPECT_EQ(delivered(), list(0, 400'000));
  EXPECT_EQ(sink->pool().budget().used(), 0u);
}

TEST_F(Backpressure, ARewindReadsAgainFromTheAcknowledgedOffset) {
  start();
  disk.append("/log/a.log", lines(0, 3));
  run();
  sink->is_stalled = true;
  disk.append("/log/a.log", lines(3, 6));
  run();
  sink->must_rewind = true;
  run();
  sink->is_stalled = false;
  run();
  EXPECT_EQ(delivered(), list(0, 6));
  EXPECT_EQ(tailer().counters.read_lines, 6u) << "a line counts once, however often it is read";
  EXPECT_EQ(tailer().counters.rewound_bytes, lines(3, 6).size());
}

// Two thousand files, sixteen descriptors.
TEST_F(Backpressure, MoreFilesThanDescriptorsAreAllShipped) {
  options.open_files_max = 16;
  for (int i = 0; i < 500; ++i) disk.append("/log/" + std::to_string(i) + ".log", lines(i * 10, i * 10 + 10));
  start();
  run(seconds(2));
  EXPECT_EQ(delivered().size(), 5000u);
  EXPECT_LE(disk.open_descriptors(), 16u + 4);
}

TEST_F(Backpressure, NoDescriptorAtAllIsWaitedOut) {
  disk.append("/log/a.log", lines(0, 3));
  start();
  disk.set_descriptor_limit(disk.open_descriptors());
  disk.append("/log/b.log", lines(3, 6));
  run(seconds(2));
  EXPECT_EQ(delivered(), list(0, 3));
  disk.set_descriptor_limit(1000);
  run(seconds(60));
  EXPECT_EQ(delivered(), list(0, 6));
}

// A replaced producer, say, whose thread does not end.
TEST_F(Backpressure, MemoryThatNobodyHereHoldsIsWaitedForInPeace) {
  start();
  MemoryBudget& budget = sink->pool().budget();
  const std::uint64_t bytes = budget.left();
  budget.take(bytes);
  disk.append("/log/a.log", lines(0, 3));
  run();
  EXPECT_GT(pipeline->next_deadline(), clock.now());
  EXPECT_TRUE(delivered().empty());
  budget.give_back(bytes);
  disk.append("/log/b.log", lines(3, 4));
  run();
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 4)));
}

TEST_F(Drain, OnceShipsWhatTheFilesHoldAnUnfinishedLineTooAndEnds) {
  options.once = true;
  disk.append("/log/a.log", "line 0\nline 1");
  start();
  run(seconds(3));
  EXPECT_TRUE(pipeline->is_drained());
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_EQ(pipeline->files_matched(), 1u);
  EXPECT_FALSE(pipeline->once_met_errors());
}

// It watches nothing: what was renamed before it could be opened is searched for, and what comes later is left alone.
TEST_F(Drain, OnceFindsWhatIsRotatedMeanwhileAndShipsNoMore) {
  options.once = true;
  options.open_files_max = 1;
  disk.append("/log/a.log", lines(0, 2));
  disk.append("/log/b.log", lines(2, 4));
  start_unsettled();
  sink->room_left = 0;
  run();
  for (const char* path : {"/log/a.log", "/log/b.log"}) {
    disk.move(path, std::string(path) + ".1");
    disk.append(path, "later\n");
  }
  run();
  sink->room_left = 1 << 20;
  run(seconds(5));
  EXPECT_TRUE(pipeline->is_drained());
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 4)));
}

TEST_F(Drain, SigtermReadsOnToTheEndsThatTheFilesHadAndNoFurther) {
  start();
  sink->room_left = 0;
  disk.append("/log/a.log", lines(0, 100'000));
  run();
  pipeline->begin_drain(ShutdownMode::drain, clock.now());
  EXPECT_FALSE(pipeline->is_drained());
  sink->room_left = 100'000;
  for (int i = 0; i < 400 && !pipeline->is_drained(); ++i) {
    disk.append("/log/a.log", lines(0, 1000, "later"));
    step(milliseconds(5));
  }
  EXPECT_TRUE(pipeline->is_drained());
  const auto all = delivered();
  EXPECT_EQ(std::vector<std::string>(all.begin(), all.begin() + 100'000), list(0, 100'000));
}

// Nobody sees the file again: how much of it was left is remembered when reading stops.
// Nobody has told of it yet: its descriptor says so, and nobody will read its last line after this.
TEST_F(Drain, AFileThatWasDeletedAMomentAgoIsReadToItsUnfinishedEnd) {
  disk.append("/log/a.log", lines(0, 1));
  start();
  watcher->hold(true);
  disk.append("/log/a.log", "line 1");
  disk.erase("/log/a.log");
  drain();
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Drain, FlushRemembersHowMuchIsLeft) {
  disk.append("/log/a.log", lines(0, 1));
  start();
  run(seconds(3));
  sink->room_left = 0;
  disk.append("/log/a.log", lines(1, 11));
  run(milliseconds(50));
  pipeline->begin_drain(ShutdownMode::flush, clock.now());
  run();
  EXPECT_TRUE(pipeline->is_drained());
  kill();
  disk.erase("/log/a.log");
  start();
  run();
  EXPECT_EQ(lost(LostReason::deleted), lines(1, 11).size());
}

// What the engine still works on is the pipeline's: it goes only when nothing uses it any more.
TEST_F(Drain, NothingIsInFlightOnceItIsGone) {
  config.checkpoint.fsync = FsyncMode::off;
  disk.append("/log/a.log", lines(0, 10));
  start();
  disk.append("/log/a.log", lines(10, 20));
  step();
  engine->hold(true);
  disk.append("/log/a.log", lines(20, 200));
  run(milliseconds(100));
  ASSERT_GT(engine->in_flight(), 0u);  // a read, or the journal's write
  workers->hold(true);
  sink = nullptr;
  pipeline.reset();
  EXPECT_EQ(engine->in_flight(), 0u);
  engine->hold(false);
  workers->hold(false);
  engine->dispatch(clock.now());
  workers->dispatch(clock.now());
}

// A tailer's walk, look and search, the journal's new segment: each may end when nobody waits for it any more.
TEST_F(Drain, WorkersThatAreLateReachNobody) {
  disk.append("/log/a.log", lines(0, 10));
  for (int jobs = 0; jobs < 12; ++jobs) {
    start_unsettled();
    workers->hold(true);
    for (int i = 0; i < jobs; ++i) {
      step();
      workers->run_one();
    }
    sink = nullptr;
    pipeline.reset();
    workers->hold(false);
    workers->dispatch(clock.now());
    disk.kill_process();
  }
}

// It would be shipped before the rest of the one that it follows, which is left for the next start.
TEST_F(Drain, FlushReadsNothingOfAFileThatAppearsAfterIt) {
  start();
  sink->room_left = 0;
  disk.append("/log/a.log", lines(0, 3));
  run();
  pipeline->begin_drain(ShutdownMode::flush, clock.now());
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log", lines(3, 6));
  sink->room_left = 1 << 20;
  run(seconds(1));
  EXPECT_TRUE(delivered().empty());
  kill();
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 6));
}

TEST_F(Drain, FlushReadsNoMore) {
  start();
  sink->room_left = 0;
  disk.append("/log/a.log", lines(0, 10));
  run();
  pipeline->begin_drain(ShutdownMode::flush, clock.now());
  sink->room_left = 1 << 20;
  run();
  EXPECT_TRUE(pipeline->is_drained());
  EXPECT_TRUE(delivered().empty());
}

}  // namespace
}  // namespace tailrace
