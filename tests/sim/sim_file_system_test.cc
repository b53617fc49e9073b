// The simulated disk: FileSystemSuite, and its fault model.
#include "tests/sim/sim_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "tests/base/file_system_suite.h"

namespace tailrace {
namespace {

class SimulatedDisk {
 public:
  SimulatedDisk() { disk_.make(root()); }
  FileSystem& files() { return disk_; }
  std::string root() const { return "/d"; }
  void append(const std::string& path, const std::string& bytes) {
    disk_.make(path.substr(0, path.rfind('/')));
    disk_.append(path, bytes);
  }
  void link(const std::string& existing, const std::string& name) { disk_.link(existing, name); }
  void symlink(const std::string& target, const std::string& name) { disk_.symlink(target, name); }
  void erase_directory(const std::string& path) { disk_.erase(path); }

 private:
  SimFileSystem disk_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, FileSystemSuite, SimulatedDisk);

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

class SimDisk : public testing::Test {
 protected:
  SimDisk() { disk.make("/d"); }

  UniqueFd write_file(const std::string& path, const std::string& text) {
    Result<UniqueFd> fd = disk.open_write(path, true);
    EXPECT_TRUE(fd);
    EXPECT_TRUE(disk.write_at(fd->get(), bytes_of(text), 0));
    return std::move(*fd);
  }
  std::string read_fd(int fd) {
    std::string text(100, '?');
    const Result<std::size_t> got = disk.read_at(fd, std::as_writable_bytes(std::span(text)), 0);
    EXPECT_TRUE(got);
    return text.substr(0, got ? *got : 0);
  }
  int errno_of(const Status& status) { return status ? 0 : status.error().sys_errno(); }

  SimFileSystem disk;
  SimRandom random{1};
};

TEST_F(SimDisk, WhatWasNotSyncedIsGoneAfterACrashThatDropsIt) {
  UniqueFd fd = write_file("/d/a", "old");
  ASSERT_TRUE(disk.sync_data(fd.get()));
  ASSERT_TRUE(disk.sync_directory("/d"));
  ASSERT_TRUE(disk.write_at(fd.get(), bytes_of("new and longer"), 0));
  disk.crash(CrashMode::drop, random);
  EXPECT_EQ(disk.content("/d/a"), "old");
  EXPECT_EQ(errno_of(disk.sync_data(fd.get())), EBADF);
}

TEST_F(SimDisk, ACrashThatKeepsEverythingKeepsIt) {
  write_file("/d/a", "unsynced");
  disk.crash(CrashMode::keep, random);
  EXPECT_EQ(disk.content("/d/a"), "unsynced");
}

TEST_F(SimDisk, TearingChoosesSectorBySector) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimFileSystem torn;
    SimRandom dice(seed);
    torn.make("/d");
    torn.append("/d/a", std::string(1024, 'o'));
    Result<UniqueFd> fd = torn.open_write("/d/a", false);
    ASSERT_TRUE(fd && torn.write_at(fd->get(), bytes_of(std::string(1024, 'n')), 0));
    torn.crash(CrashMode::tear, dice);
    const std::string after = torn.content("/d/a");
    ASSERT_EQ(after.substr(0, 512), std::string(512, after[0]));
    ASSERT_EQ(after.substr(512), std::string(512, after[512]));
    outcomes.insert({after[0], after[512]});
  }
  EXPECT_THAT(outcomes, testing::UnorderedElementsAre("oo", "on", "no", "nn"));
}

TEST_F(SimDisk, ATornSectorMayHoldAnyVersionSinceTheLastSync) {
  std::set<char> outcomes;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SimFileSystem torn;
    SimRandom dice(seed);
    torn.make("/d");
    torn.append("/d/a", "0");
    Result<UniqueFd> fd = torn.open_write("/d/a", false);
    for (const char* version : {"1", "2", "3"}) ASSERT_TRUE(torn.write_at(fd->get(), bytes_of(version), 0));
    torn.crash(CrashMode::tear, dice);
    outcomes.insert(torn.content("/d/a")[0]);
  }
  EXPECT_THAT(outcomes, testing::ElementsAre('0', '1', '2', '3'));
}

// The kernel marks the pages clean when a write-back fails: they look written, and are not.
TEST_F(SimDisk, AFailedSyncLosesItsPagesEvenIfALaterOneSucceeds) {
  UniqueFd fd = write_file("/d/a", "old");
  ASSERT_TRUE(disk.sync_data(fd.get()) && disk.sync_directory("/d"));
  ASSERT_TRUE(disk.write_at(fd.get(), bytes_of("new"), 0));
  disk.faults().add({.op = SimOp::sync_data});
  EXPECT_EQ(errno_of(disk.sync_data(fd.get())), EIO);
  EXPECT_TRUE(disk.sync_data(fd.get()));
  EXPECT_EQ(read_fd(fd.get()), "new");
  disk.crash(CrashMode::keep, random);
  EXPECT_EQ(disk.content("/d/a"), "old");
}

TEST_F(SimDisk, WritingAgainMakesALostSectorGood) {
  UniqueFd fd = write_file("/d/a", "old");
  ASSERT_TRUE(disk.sync_data(fd.get()) && disk.sync_directory("/d"));
  ASSERT_TRUE(disk.write_at(fd.get(), bytes_of("new"), 0));
  disk.faults().add({.op = SimOp::sync_data});
  EXPECT_FALSE(disk.sync_data(fd.get()));
  ASSERT_TRUE(disk.write_at(fd.get(), bytes_of("now"), 0) && disk.sync_data(fd.get()));
  disk.crash(CrashMode::drop, random);
  EXPECT_EQ(disk.content("/d/a"), "now");
}

TEST_F(SimDisk, ANameLastsOnceItsDirectoryIsSyncedNotItsFile) {
  UniqueFd fd = write_file("/d/a", "text");
  ASSERT_TRUE(disk.sync_data(fd.get()));
  disk.crash(CrashMode::drop, random);
  EXPECT_FALSE(disk.exists("/d/a"));
}

TEST_F(SimDisk, AnUnsyncedRenameIsUndoneWhole) {
  disk.append("/d/a", "old");
  UniqueFd fd = write_file("/d/b", "new");
  ASSERT_TRUE(disk.sync_data(fd.get()) && disk.sync_directory("/d"));
  ASSERT_TRUE(disk.rename("/d/b", "/d/a"));
  EXPECT_EQ(disk.content("/d/a"), "new");
  disk.crash(CrashMode::drop, random);
  EXPECT_EQ(disk.content("/d/a"), "old");
  EXPECT_EQ(disk.content("/d/b"), "new");
  ASSERT_TRUE(disk.rename("/d/b", "/d/a") && disk.sync_directory("/d"));
  disk.crash(CrashMode::drop, random);
  EXPECT_EQ(disk.content("/d/a"), "new");
  EXPECT_FALSE(disk.exists("/d/b"));
}

TEST_F(SimDisk, ADeletedFileLivesWhileItIsOpen) {
  disk.append("/d/a", "still here");
  Result<UniqueFd> fd = disk.open_read("/d/a");
  ASSERT_TRUE(fd);
  EXPECT_GE(fd->get(), 1'000'000);
  disk.erase("/d/a");
  EXPECT_EQ(disk.stat_fd(fd->get())->links, 0u);
  EXPECT_EQ(read_fd(fd->get()), "still here");
  EXPECT_EQ(disk.used_bytes(), 512u);
  fd->reset();
  EXPECT_EQ(disk.used_bytes(), 0u);
  EXPECT_EQ(disk.open_descriptors(), 0u);
}

TEST_F(SimDisk, ListsNamesWithTheirTypes) {
  disk.append("/d/a", "x");
  disk.make("/d/sub");
  disk.make_special("/d/pipe", FileType::fifo);
  const Result<std::vector<DirectoryEntry>> entries = disk.list("/d");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[1].type, FileType::fifo);
  EXPECT_EQ((*entries)[2].type, FileType::directory);
}

TEST_F(SimDisk, FullReadOnlyForbiddenAndTooManyOpenFilesSaySo) {
  disk.set_capacity(1024);
  UniqueFd fd = write_file("/d/a", "x");
  EXPECT_EQ(errno_of(disk.write_at(fd.get(), bytes_of(std::string(2000, 'y')), 0)), ENOSPC);
  EXPECT_EQ(disk.content("/d/a").size(), 1024u);  // what still fitted
  EXPECT_TRUE(disk.write_at(fd.get(), bytes_of("z"), 1023));
  EXPECT_EQ(errno_of(disk.allocate(fd.get(), 4096)), ENOSPC);
  disk.set_read_only(true);
  EXPECT_EQ(errno_of(disk.write_at(fd.get(), bytes_of("z"), 0)), EROFS);
  EXPECT_EQ(errno_of(disk.rename("/d/a", "/d/b")), EROFS);
  disk.set_descriptor_limit(1);
  EXPECT_EQ(disk.open_read("/d/a").error().kind(), ErrorKind::too_many_files);
  disk.set_descriptor_limit(10);
  disk.set_permitted("/d/a", false);
  EXPECT_EQ(disk.open_read("/d/a").error().kind(), ErrorKind::permission);
}

TEST_F(SimDisk, AFaultPassesHitsAndEndsAsItWasToldTo) {
  disk.append("/d/a", "x");
  disk.append("/d/b", "x");
  disk.faults().add({.op = SimOp::open_read, .sys_errno = EACCES, .times = 2, .after = 1, .path_contains = "/a"});
  EXPECT_TRUE(disk.open_read("/d/b"));
  EXPECT_TRUE(disk.open_read("/d/a"));
  EXPECT_FALSE(disk.open_read("/d/a"));
  EXPECT_TRUE(disk.open_read("/d/b"));
  EXPECT_FALSE(disk.open_read("/d/a"));
  EXPECT_TRUE(disk.open_read("/d/a"));
}

TEST_F(SimDisk, AMachineThatStoppedChangesNothingAnyMore) {
  UniqueFd fd = write_file("/d/a", "x");
  disk.faults().stop_after(1);
  EXPECT_TRUE(disk.write_at(fd.get(), bytes_of("y"), 0));
  EXPECT_EQ(errno_of(disk.write_at(fd.get(), bytes_of("z"), 0)), EIO);
  EXPECT_FALSE(disk.sync_data(fd.get()));
  EXPECT_FALSE(disk.rename("/d/a", "/d/b"));
  EXPECT_EQ(disk.content("/d/a"), "y");
  disk.kill_process();
  EXPECT_TRUE(disk.rename("/d/a", "/d/b"));
}

TEST_F(SimDisk, InodesAreReusedOnlyWhenAskedTo) {
  disk.append("/d/a", "x");
  const std::uint64_t first = disk.stat("/d/a")->inode;
  disk.erase("/d/a");
  disk.append("/d/a", "x");
  EXPECT_NE(disk.stat("/d/a")->inode, first);
  disk.erase("/d/a");
  disk.reuse_inodes(true);
  disk.set_time(WallTime(std::chrono::seconds(5)));
  disk.append("/d/b", "x");
  EXPECT_EQ(disk.stat("/d/b")->inode, first);
  EXPECT_EQ(disk.stat("/d/b")->birth_ns, 5'000'000'000);
}

TEST_F(SimDisk, ALockIsHeldUntilItsDescriptorOrItsProcessIsGone) {
  UniqueFd mine = write_file("/d/lock", "");
  Result<UniqueFd> other = disk.open_write("/d/lock", false);
  EXPECT_TRUE(disk.lock(mine.get()));
  EXPECT_EQ(disk.lock(other->get()).error().kind(), ErrorKind::fenced);
  mine.reset();
  EXPECT_TRUE(disk.lock(other->get()));
  disk.kill_process();
  Result<UniqueFd> next = disk.open_write("/d/lock", false);
  EXPECT_TRUE(disk.lock(next->get()));
}

TEST_F(SimDisk, TheWritersVerbsLastAndAreToldOf) {
  std::vector<std::string> told;
  disk.on_change([&](const SimFileSystem::Change& change) {
    told.push_back(std::to_string(static_cast<int>(change.verb)) + change.at.name + ">" + change.to.name);
  });
  disk.append("/d/a", "12345");
  disk.cut("/d/a", 3);
  disk.move("/d/a", "/d/b");
  disk.append("/d/c", "");
  disk.erase("/d/c");
  EXPECT_THAT(told, testing::ElementsAre("0a>", "1a>", "1a>", "2a>b", "0c>", "3c>"));
  disk.crash(CrashMode::drop, random);
  EXPECT_EQ(disk.content("/d/b"), "123");
  EXPECT_FALSE(disk.exists("/d/a") || disk.exists("/d/c"));
}

}  // namespace
}  // namespace tailrace
