// Who has which name, when looks, opens and lost events tell of it in another order than it happened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/pipeline_world.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Names : PipelineWorld {
  std::uint64_t renamed() const { return tailer().counters.rotations_renamed; }
  // a.log has grown by line 1, and b.log, which has no room at the sink, holds the only descriptor.
  void let_a_wait_for_the_descriptor() {
    config.tailers[0].close_idle = seconds(1);
    options.open_files_max = 1;
    disk.append("/log/a.log", lines(0, 1));
    disk.append("/log/b.log", "b 0\n");
    start();
    run(seconds(5));
    sink->room_left = 0;
    disk.append("/log/b.log", "b 1\n");
    run();
    disk.append("/log/a.log", lines(1, 2));
    run();
  }
};

TEST_F(Names, AFileThatLosesItsSecondNameKeepsItsFirst) {
  disk.append("/log/a.log", lines(0, 1));
  disk.link("/log/a.log", "/log/b.log");
  start();
  run();
  disk.append("/log/new.tmp", lines(1, 2));
  disk.move("/log/new.tmp", "/log/b.log");
  run();
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_EQ(renamed(), 0u);
}

// The look is answered after the scan that followed the overflow.
TEST_F(Names, AFileThatWasLookedAtBeforeAnOverflowIsFollowedToTheNameThatItHasSince) {
  start();
  engine->hold(true);
  disk.append("/log/a.log", lines(0, 1));
  run();
  watcher->set_queue_max(0);
  disk.move("/log/a.log", "/log/a.log.1");
  run(seconds(1));
  watcher->set_queue_max(100);
  engine->hold(false);
  run(seconds(1));
  disk.append("/log/a.log.1", lines(1, 2));
  run(seconds(3));
  EXPECT_EQ(delivered(), list(0, 2));
}

// It is named while a walk is under way which had passed its directory, and renamed before that is watched.
TEST_F(Names, AFileThatGotItsNameDuringAWalkIsSearchedForWhenTheWalkDidNotSeeIt) {
  config.tailers[0].include = {"/log/*/a.log"};
  disk.make("/log/x");
  disk.make("/log/y");
  start();
  engine->hold(true);
  disk.append("/log/x/a.log", lines(0, 1));
  run();
  disk.move("/log/x/a.log", "/log/x/a.log.1");
  watcher->drop_queue();
  workers->hold(true);
  disk.erase("/log/y");  // a walk
  step();
  engine->hold(false);
  step();
  step();
  workers->hold(false);
  run(seconds(2));
  disk.append("/log/x/a.log.1", lines(1, 2));
  run(seconds(2));
  EXPECT_EQ(delivered(), list(0, 2));
}

// No event tells of the file that was made in its place, and it is renamed before anybody looks: that a file was there
// is known only because the other one was to be opened again.
TEST_F(Names, AFileThatIsFoundWhereAnotherOneWasToBeOpenedIsShipped) {
  let_a_wait_for_the_descriptor();
  disk.move("/log/a.log", "/log/a.old");
  disk.append("/log/a.log", lines(2, 3));
  watcher->drop_queue();
  sink->room_left = 1 << 20;
  workers->hold(true);
  run();
  disk.move("/log/a.log", "/log/a.older");
  watcher->drop_queue();
  workers->hold(false);
  run(seconds(10));
  EXPECT_THAT(delivered(), testing::UnorderedElementsAre("line 0", "line 1", "line 2", "b 0", "b 1"));
}

// A newer file under its path is wanted already when it is known that this one could not be opened.
TEST_F(Names, AFileThatCouldNotBeOpenedIsFoundAgainBesideTheNextOne) {
  config.tailers[0].watch = WatchMode::poll;
  config.tailers[0].poll_interval = seconds(2);
  start();
  engine->hold(true);  // b.log's first bytes: what is looked at with it is answered with it
  disk.append("/log/a.log", lines(0, 1));
  disk.set_permitted("/log/a.log", false);
  disk.append("/log/b.log", lines(1, 2));
  run(seconds(2));
  disk.move("/log/a.log", "/log/a.log.1");
  disk.append("/log/a.log", lines(2, 3));
  run(seconds(2));
  engine->hold(false);
  run(milliseconds(200));
  disk.set_permitted("/log/a.log.1", true);
  run(seconds(10));
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 3)));
}

TEST_F(Names, AFileThatCouldNotBeReadThroughASymlinkIsFoundUnderItsNextName) {
  disk.make("/data");
  disk.append("/data/app", lines(0, 1));
  start();
  disk.faults().add({.op = SimOp::open_read, .sys_errno = EIO, .times = 3, .path_contains = "/data"});
  disk.symlink("/data/app", "/log/a.log");
  run();
  disk.move("/data/app", "/data/app.1");
  watcher->drop_queue();
  run(seconds(10));
  disk.faults().heal();
  run(seconds(60));
  EXPECT_EQ(delivered(), list(0, 1));
}

// The look that was asked for the file which had the name meets the next one: it is known under its own name.
TEST_F(Names, AFileMadeWhereARenamedOneWasToBeLookedAtIsKnownUnderItsOwnName) {
  config.tailers[0].close_idle = seconds(1);
  disk.append("/log/a.log", lines(0, 1));
  start();
  disk.move("/log/a.log", "/log/b.log");
  run(seconds(5));
  disk.set_permitted("/log/b.log", false);
  disk.append("/log/b.log", lines(1, 2));
  run();  // it cannot be opened, and will be tried again
  watcher->hold(true);
  disk.erase("/log/b.log");
  disk.append("/log/b.log", lines(2, 3));
  run(seconds(3));
  EXPECT_EQ(sink->paths_seen.back(), "/log/b.log");
  watcher->hold(false);
  run(seconds(1));
  EXPECT_THAT(delivered(), testing::Contains("line 2"));
}

// The first one could not be looked at under the name that the second one was given; it is known, and explains nothing.
TEST_F(Names, AFileRenamedBeforeItsFirstLookIsFoundWhereARenamedOneCouldNotBeOpened) {
  config.tailers[0].close_idle = seconds(1);
  disk.append("/log/a.log", lines(0, 1));
  start();
  run(seconds(5));
  disk.set_permitted("/log/a.log", false);
  run(milliseconds(100));
  disk.move("/log/a.log", "/log/a.log.1");
  run(milliseconds(100));
  workers->hold(true);
  disk.append("/log/a.log", lines(1, 2));
  run(milliseconds(100));
  watcher->hold(true);
  disk.move("/log/a.log", "/log/a.log.2");
  workers->hold(false);
  run(milliseconds(100));
  watcher->hold(false);
  run(seconds(10));
  EXPECT_EQ(delivered(), list(0, 2));
}

// It has the inode of one that went, and only the search for that one has seen it.
TEST_F(Names, ANewFileThatASearchCouldNotOpenIsFoundUnderItsNextName) {
  disk.reuse_inodes(true);
  config.tailers[0].close_idle = seconds(1);
  disk.append("/log/a.log", lines(0, 1));
  start();
  run(seconds(5));
  workers->hold(true);
  disk.erase("/log/a.log");
  step();
  disk.append("/log/b.log", lines(1, 2));
  disk.set_permitted("/log/b.log", false);
  watcher->drop_queue();
  while (workers->run_one()) step();  // the search
  step();
  disk.move("/log/b.log", "/log/b.old");
  watcher->drop_queue();
  workers->hold(false);
  run(seconds(3));
  disk.set_permitted("/log/b.old", true);
  run(seconds(10));
  EXPECT_EQ(delivered(), list(0, 2));
}

// Two could not be opened under names that each had in its turn: the one that is found there says nothing of the other.
TEST_F(Names, AFileThatCouldNotBeOpenedIsFoundThoughTheNextOneHasItsNameByNow) {
  refuse_a(1);
  disk.move("/log/a.log", "/log/a.log.1");
  run(seconds(3));  // by now it is tried less often than the next one will be
  disk.append("/log/a.log", lines(1, 2));
  disk.set_permitted("/log/a.log", false);
  run();
  disk.move("/log/a.log.1", "/log/a.log.2");
  disk.move("/log/a.log", "/log/a.log.1");
  disk.set_permitted("/log/a.log.1", true);
  disk.set_permitted("/log/a.log.2", true);
  watcher->drop_queue();
  run(seconds(20));
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 2)));
  EXPECT_EQ(lost(LostReason::deleted), 0u);
}

TEST_F(Names, AFileThatCouldNotBeOpenedAndIsDeletedIsLostAsFarAsItsSizeWasSeen) {
  refuse_a(1);
  disk.append("/log/a.log", lines(1, 3));
  run(seconds(3));
  EXPECT_EQ(lost(LostReason::deleted), 0u);
  disk.erase("/log/a.log");
  run(seconds(5));
  EXPECT_EQ(lost(LostReason::deleted), lines(0, 3).size());
  EXPECT_EQ(tailer().counters.lost_files[static_cast<std::size_t>(LostReason::deleted)], 0u);
}

TEST_F(Names, AFileThatCouldNotBeOpenedAndIsReplacedIsLostAsFarAsItsSizeWasSeen) {
  refuse_a(2);
  disk.append("/log/new.tmp", lines(2, 3));
  disk.move("/log/new.tmp", "/log/a.log");
  run(seconds(5));
  EXPECT_EQ(lost(LostReason::deleted), lines(0, 2).size());
  EXPECT_EQ(delivered(), list(2, 3));
}

// Between the listing and the look at what it shows: nothing has that name any more.
TEST_F(Names, AFileRenamedWhileItIsLookedForIsLookedForAgain) {
  refuse_a(2);
  disk.move("/log/a.log", "/log/a.log.1");
  disk.set_permitted("/log/a.log.1", true);
  watcher->drop_queue();
  disk.faults().add({.op = SimOp::stat, .sys_errno = ENOENT, .times = 2, .path_contains = "a.log.1"});
  run(seconds(10));
  EXPECT_EQ(delivered(), list(0, 2));
}

// The event that took its name is older than the look that found it under that; a search for its name is under way.
TEST_F(Names, AnUnfinishedLineOfAFileWhoseNameIsSearchedForIsLeftToTheNextStart) {
  disk.append("/log/a.log", lines(0, 1));
  start();
  run();
  watcher->hold(true);
  disk.erase("/log/a.log");
  disk.append("/log/a.log", "line");
  run(seconds(61));  // a walk
  disk.faults().add({.op = SimOp::open_read, .sys_errno = ENFILE, .times = SimFault::kAlways, .path_contains = "/log"});
  watcher->hold(false);
  run();
  drain();
  EXPECT_EQ(delivered(), list(0, 1));
  disk.faults().heal();
  kill();
  disk.append("/log/a.log", " 1\n");
  start();
  run();
  EXPECT_EQ(delivered(), list(0, 2));
}

// As in a pod: the links say whose the files are, the files' own names do not.
TEST_F(Names, AFileThatASymlinkLeadsToIsKnownUnderTheSymlink) {
  config.tailers[0].close_idle = seconds(1);
  disk.make("/data");
  disk.append("/data/0.log", lines(0, 1));
  disk.symlink("/data/0.log", "/log/pod_a.log");
  start();
  disk.make("/other");
  disk.append("/other/0.log", lines(1, 2));
  disk.symlink("/other/0.log", "/log/pod_b.log");
  run(seconds(3));
  disk.append("/other/0.log", lines(2, 3));
  disk.append("/data/unrelated.log", "nobody leads here\n");
  run(seconds(3));
  EXPECT_EQ(sink->paths_seen, (std::vector<std::string>{"/log/pod_a.log", "/log/pod_b.log"}));
  disk.cut("/data/0.log");
  disk.append("/data/0.log", lines(3, 4));
  run(seconds(3));
  EXPECT_EQ(sink->paths_seen.back(), "/log/pod_a.log");
  for (const std::string pod : {"/other", "/data"}) {  // the kubelet rotates what the links lead to
    disk.move(pod + "/0.log", pod + "/0.log.1");
    disk.append(pod + "/0.log", pod == "/data" ? lines(5, 6) : lines(4, 5));
    run(seconds(3));
  }
  EXPECT_EQ(sink->paths_seen.back(), "/log/pod_a.log");
  EXPECT_EQ(delivered(), list(0, 6));
}

// The walk that follows an overflow may be long in coming.
TEST_F(Names, GrowthOfOpenFilesThatAnOverflowHidIsSeenBeforeTheWalk) {
  disk.append("/log/a.log", lines(0, 1));
  start();
  workers->hold(true);
  watcher->set_queue_max(0);
  disk.append("/log/a.log", lines(1, 2));
  run();
  EXPECT_EQ(delivered(), list(0, 2));
}

TEST_F(Names, SearchesKeepWithinTheDescriptors) {
  constexpr int kFiles = 30;
  options.open_files_max = 4;
  for (int i = 0; i < kFiles; ++i) disk.append("/log/" + std::to_string(i) + ".log", lines(i, i + 1));
  start();
  run(seconds(3));
  const std::size_t own = 6;
  watcher->set_queue_max(0);
  for (int i = 0; i < kFiles; ++i) {
    disk.move("/log/" + std::to_string(i) + ".log", "/log/" + std::to_string(i) + ".old");
    disk.append("/log/" + std::to_string(i) + ".old", lines(kFiles + i, kFiles + i + 1));
  }
  workers->hold(true);
  for (int i = 0; i < 1000; ++i) {
    step(milliseconds(5));
    watcher->set_queue_max(1000);
    while (workers->run_one()) ASSERT_LE(disk.open_descriptors(), options.open_files_max + own);
  }
  EXPECT_THAT(delivered(), testing::UnorderedElementsAreArray(list(0, 2 * kFiles)));
}

// What is lost is counted by the process that knows it, and not again by the next one.
TEST_F(Names, WhatIsLostOfAFileThatCouldNotBeOpenedIsCountedOnce) {
  let_a_wait_for_the_descriptor();
  disk.set_permitted("/log/a.log", false);
  sink->room_left = 1 << 20;
  run(seconds(20));  // between two tries to open it
  disk.erase("/log/a.log");
  drain();
  const std::uint64_t counted = lost(LostReason::deleted);
  kill();
  start();
  EXPECT_EQ(counted + lost(LostReason::deleted), lines(1, 2).size());
}

}  // namespace
}  // namespace tailrace
