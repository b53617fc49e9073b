// Bytes that change without the file growing: zeros that a writer has reserved, lines that are overwritten in place,
// files that are cut and filled to the same size.
#include <gmock/gmock.h>

#include "tests/agent/pipeline_world.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Refill : PipelineWorld {
  std::uint64_t at = 0;  // the writer's place in its reserved file
  void fill(const std::string& text) {
    disk.write("/log/a.log", at, text);
    at += text.size();
  }
  void fill_mapped(const std::string& text) {
    disk.write_mapped("/log/a.log", at, text);
    at += text.size();
  }
  void reserve(std::uint64_t bytes) {
    if (!disk.exists("/log/a.log")) disk.append("/log/a.log", "");
    disk.cut("/log/a.log", bytes);
  }
  std::uint64_t all_lost() const { return lost(LostReason::truncated) + lost(LostReason::deleted); }
};

// A writer preallocates 64 KiB and fills them: lines come as they are written, the zeros behind them are neither lines
// nor lag, and cutting the file to its length at the end loses nothing.
TEST_F(Refill, LinesWrittenIntoReservedZerosArriveAsTheyCome) {
  start();
  reserve(64 * 1024);
  run();
  EXPECT_TRUE(delivered().empty());
  EXPECT_EQ(tailer().lag[0].bytes, 0u);
  for (int i = 0; i < 5; ++i) {
    fill(lines(i, i + 1));
    run(milliseconds(100));
    EXPECT_EQ(delivered(), list(0, i + 1));
    EXPECT_EQ(tailer().lag[0].bytes, 0u);
  }
  disk.cut("/log/a.log", at);
  run();
  fill(lines(5, 6));
  run();
  EXPECT_EQ(delivered(), list(0, 6));
  EXPECT_EQ(all_lost(), 0u);
}

// More zeros than one read takes, before and behind a line that has no end yet.
TEST_F(Refill, ZerosOfAnyLengthWait) {
  config.tailers[0].max_line = 1000;
  disk.append("/log/a.log", lines(0, 2) + "line ");
  at = lines(0, 2).size() + 5;
  reserve(20 * 1024 * 1024);
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_EQ(tailer().lag[0].bytes, 5u);
  EXPECT_EQ(tailer().lag[0].seconds, 0.0);
  fill("2\n");
  run();
  EXPECT_EQ(delivered(), list(0, 3));
  EXPECT_EQ(tailer().counters.long_lines_split, 0u);
}

// --once ships the unfinished last line, and not the zeros after it.
TEST_F(Refill, OnceLeavesReservedZerosAlone) {
  options.once = true;
  disk.append("/log/a.log", lines(0, 2) + "rest");
  reserve(3 * 1024 * 1024);
  start();
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 2) + std::vector<std::string>{"rest"});
  EXPECT_TRUE(pipeline->is_drained());
  EXPECT_EQ(tailer().lag[0].bytes, 0u);
}

// After a restart the zeros are waited for again: what was written over them meanwhile arrives once.
TEST_F(Refill, ARestartGoesOnWhereTheDataEnded) {
  start();
  reserve(100'000);
  fill(lines(0, 3));
  run(seconds(2));
  stop();
  fill(lines(3, 5));
  start();
  EXPECT_EQ(delivered(), list(0, 5));
  disk.erase("/log/a.log");
  run(seconds(2));
  EXPECT_EQ(all_lost(), 0u) << "zeros are no loss";
}

// Positions of start_at = "end" are the end of the data, and not that of the file.
TEST_F(Refill, StartAtEndIsBeforeTheZeros) {
  config.tailers[0].start_at = StartAt::end;
  disk.append("/log/a.log", lines(0, 2));
  at = lines(0, 2).size();
  reserve(1024 * 1024);
  start();
  EXPECT_TRUE(delivered().empty());
  fill(lines(2, 3));
  run();
  EXPECT_EQ(delivered(), list(2, 3));
}

// Nobody tells of what is written through a mapping: it is looked for every five seconds, and at SIGTERM.
TEST_F(Refill, WhatIsWrittenThroughAMappingArrivesWithinFiveSeconds) {
  start();
  reserve(4096);
  run();
  fill_mapped(lines(0, 1));
  run(seconds(6));
  EXPECT_EQ(delivered(), list(0, 1));
  fill_mapped("half ");
  run(seconds(6));
  EXPECT_EQ(tailer().lag[0].bytes, 5u);
  fill_mapped("a line\n");
  run(seconds(6));
  EXPECT_EQ(delivered(), list(0, 1) + std::vector<std::string>{"half a line"});
}

TEST_F(Refill, ADrainShipsWhatWasWrittenThroughAMapping) {
  start();
  reserve(4096);
  run();
  fill_mapped(lines(0, 1));
  drain();
  EXPECT_EQ(delivered(), list(0, 1));
}

// The file is idle, and closed, when the drain comes.
TEST_F(Refill, ADrainOpensAClosedFileToSeeWhatWasWrittenThroughAMapping) {
  config.tailers[0].close_idle = seconds(1);
  start();
  reserve(4096);
  run(seconds(3));
  EXPECT_FALSE(disk.is_open(disk.inode_of("/log/a.log")));
  fill_mapped(lines(0, 1));
  drain();
  EXPECT_EQ(delivered(), list(0, 1));
}

// A mapped file that is deleted is looked at once more before it is let go.
TEST_F(Refill, ADeletedFileShipsWhatWasWrittenThroughAMapping) {
  start();
  reserve(4096);
  run();
  fill_mapped(lines(0, 2));
  const std::uint64_t inode = disk.inode_of("/log/a.log");
  disk.erase("/log/a.log");
  run(seconds(2));
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_FALSE(disk.is_open(inode)) << "its disk is held no longer";
}

// The unfinished last line is overwritten by one of the same length that has an end.
TEST_F(Refill, AnUnfinishedLineThatIsOverwrittenIsReadAgain) {
  start();
  disk.append("/log/a.log", "line 0\nxxxxxxx");
  run();
  EXPECT_EQ(delivered(), list(0, 1));
  disk.write("/log/a.log", 7, "line 1\n");
  run();
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Refill, AnUnfinishedLineThatIsOverwrittenUnseenIsShippedByADrain) {
  start();
  disk.append("/log/a.log", "line 0\nxxxxxxx");
  run();
  disk.write_mapped("/log/a.log", 7, "line 1\n");
  drain();
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Refill, AnUnfinishedLineThatIsOverwrittenIsReadAgainWhilePolling) {
  config.tailers[0].watch = WatchMode::poll;
  start();
  disk.append("/log/a.log", "line 0\nxxxxxxx");
  run(seconds(1));
  disk.write("/log/a.log", 7, "line 1\n");
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 2));
}

// Polled, with no event to tell: the copytruncate is seen by the file's times.
TEST_F(Refill, ACopytruncateThatIsRefilledToTheSameSizeIsSeenWhilePolling) {
  config.tailers[0].watch = WatchMode::poll;
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 3));
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(3, 6));
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 6));
  EXPECT_EQ(tailer().counters.rotations_truncated, 1u);
  EXPECT_EQ(all_lost(), 0u);
}

// In the very moment in which it was looked at last, and later than any event could tell.
TEST_F(Refill, ARefillWithinOneTickOfTheClockIsSeenWhilePolling) {
  config.tailers[0].watch = WatchMode::poll;
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(1));
  const std::string later = lines(3, 6);
  disk.write_mapped("/log/a.log", 0, later);  // its times stay what they were
  run(seconds(1));
  EXPECT_EQ(delivered(), list(0, 6));
}

// A file at its end, closed or open, that was changed in place without an event: its time tells within a minute.
TEST_F(Refill, AClosedFileThatChangedInPlaceIsFoundByItsTime) {
  config.tailers[0].close_idle = seconds(1);
  start();
  disk.append("/log/a.log", lines(0, 3));
  run(seconds(70));
  EXPECT_FALSE(disk.is_open(disk.inode_of("/log/a.log")));
  watcher->hold(true);
  disk.cut("/log/a.log");
  disk.append("/log/a.log", lines(3, 6));
  watcher->drop_queue();
  watcher->hold(false);
  run(seconds(65));
  EXPECT_EQ(delivered(), list(0, 6));
}

// While nothing can be sent the zeros of a reserved file are no lag either, and filling it is.
TEST_F(Refill, ReservedZerosAreNoLagWhileTheSinkIsStalled) {
  start();
  sink->room_left = 0;
  disk.append("/log/a.log", lines(0, 2));
  at = lines(0, 2).size();
  reserve(1024 * 1024);
  run(seconds(3));
  EXPECT_EQ(tailer().lag[0].bytes, at);
  fill(lines(2, 3));
  run(seconds(3));
  EXPECT_EQ(tailer().lag[0].bytes, at);
  sink->room_left = 1 << 20;
  run();
  EXPECT_EQ(delivered(), list(0, 3));
}

// Cut behind the offset, and not below it: it goes on; what was cut off unread is lost and counted.
TEST_F(Refill, ACutBehindTheOffsetDoublesNothing) {
  start();
  disk.append("/log/a.log", lines(0, 3) + "torn");
  run();
  EXPECT_EQ(delivered(), list(0, 3));
  disk.cut("/log/a.log", lines(0, 3).size());
  run();
  disk.append("/log/a.log", lines(3, 5));
  run();
  EXPECT_EQ(delivered(), list(0, 5));
  EXPECT_EQ(all_lost(), 4u);
  EXPECT_EQ(tailer().counters.rotations_truncated, 0u);
}

}  // namespace
}  // namespace tailrace
