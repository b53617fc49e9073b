// The kernel's file system: FileSystemSuite, and what only a kernel shows.
#include "base/file_system.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/base/file_system_suite.h"
#include "tests/base/temporary_directory.h"

namespace tailrace {
namespace {

using ::testing::UnorderedElementsAre;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class RealDisk {
 public:
  FileSystem& files() { return files_; }
  const std::string& root() const { return directory_.path(); }
  void append(const std::string& path, const std::string& bytes) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
  }
  void link(const std::string& existing, const std::string& name) { std::filesystem::create_hard_link(existing, name); }
  void symlink(const std::string& target, const std::string& name) { std::filesystem::create_symlink(target, name); }
  void erase_directory(const std::string& path) { std::filesystem::remove(path); }

 private:
  TemporaryDirectory directory_;
  SystemFileSystem files_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Real, FileSystemSuite, RealDisk);

class SystemFileSystemTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  SystemFileSystem files_;
};

TEST_F(SystemFileSystemTest, StatSaysWhoAndWhatAFileIs) {
  const std::string path = directory_.write("a.log", "hello\n");
  ASSERT_EQ(::link(path.c_str(), (directory_ / "b.log").c_str()), 0);
  const FileStat stat = *files_.stat(path);
  struct stat expected{};
  ASSERT_EQ(::stat(path.c_str(), &expected), 0);
  EXPECT_EQ(stat.inode, expected.st_ino);
  EXPECT_EQ(stat.device, expected.st_dev);
  EXPECT_EQ(stat.size, 6U);
  EXPECT_EQ(stat.on_disk, static_cast<std::uint64_t>(expected.st_blocks) * 512);
  EXPECT_EQ(stat.links, 2U);
  EXPECT_EQ(stat.type, FileType::regular);
  EXPECT_EQ(stat.modified.time_since_epoch(),
            std::chrono::seconds(expected.st_mtim.tv_sec) + std::chrono::nanoseconds(expected.st_mtim.tv_nsec));
}

TEST_F(SystemFileSystemTest, BirthStaysWhileTheFileChanges) {
  const std::string path = directory_.write("a.log", "one");
  const std::int64_t born = files_.stat(path)->birth_ns;
  if (born == 0) GTEST_SKIP() << "this file system keeps no birth times";
  directory_.write("a.log", "one two");
  EXPECT_EQ(files_.stat(path)->birth_ns, born);
  EXPECT_LE(born, files_.stat(path)->modified.time_since_epoch().count());
}

TEST_F(SystemFileSystemTest, ListsNamesOfAnyBytesWithTheirTypes) {
  const std::string odd = "new\nline \xff";
  directory_.write("a.log", "");
  directory_.write(odd, "");
  directory_.write("sub/deeper.log", "");
  ASSERT_EQ(::symlink("a.log", (directory_ / "link").c_str()), 0);
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  const auto entries = files_.list(directory_.path());
  ASSERT_TRUE(entries) << entries.error().text();
  std::vector<std::pair<std::string, FileType>> seen;
  for (const DirectoryEntry& entry : *entries) {
    const FileStat stat = *files_.stat_no_follow(directory_ / entry.name);
    EXPECT_EQ(entry.inode, stat.inode);
    EXPECT_TRUE(entry.type == stat.type || entry.type == FileType::other);
    seen.emplace_back(entry.name, stat.type);
  }
  EXPECT_THAT(
      seen, UnorderedElementsAre(std::pair{std::string("a.log"), FileType::regular}, std::pair{odd, FileType::regular},
                                 std::pair{std::string("sub"), FileType::directory},
                                 std::pair{std::string("link"), FileType::symlink},
                                 std::pair{std::string("fifo"), FileType::fifo}));
}

TEST_F(SystemFileSystemTest, OpenOfAFifoWithoutAWriterDoesNotWait) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  const Result<UniqueFd> fd = files_.open_read(directory_ / "fifo");
  ASSERT_TRUE(fd) << fd.error().text();
  EXPECT_EQ(files_.stat_fd(fd->get())->type, FileType::fifo);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

// The journal tells names of files and topics: nobody else reads it.
TEST_F(SystemFileSystemTest, WhatItMakesIsNotForOthers) {
  ASSERT_TRUE(files_.make_directories(directory_ / "state"));
  ASSERT_TRUE(files_.open_write(directory_ / "state/journal", true));
  for (const char* made : {"state", "state/journal"}) {
    EXPECT_EQ(std::filesystem::status(directory_ / made).permissions() & std::filesystem::perms::others_all,
              std::filesystem::perms::none);
  }
}

TEST_F(SystemFileSystemTest, AFullDiskIsNoSpace) {
  const Result<UniqueFd> fd = files_.open_write("/dev/full", false);
  if (!fd) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(files_.write_at(fd->get(), bytes_of("x"), 0).error().kind(), ErrorKind::no_space);
}

TEST_F(SystemFileSystemTest, ADirectoryInMemoryNotifies) { EXPECT_EQ(*files_.notifies("/dev"), Notifies::yes); }

}  // namespace
}  // namespace tailrace
