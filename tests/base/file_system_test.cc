#include "base/file_system.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/base/temporary_directory.h"

namespace tailrace {
namespace {

using ::testing::UnorderedElementsAre;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

class SystemFileSystemTest : public ::testing::Test {
 protected:
  std::string read(int fd, std::size_t bytes, std::uint64_t offset) {
    std::vector<std::byte> into(bytes);
    const Result<std::size_t> n = files_.read_at(fd, into, offset);
    EXPECT_TRUE(n) << n.error().text();
    return {reinterpret_cast<const char*>(into.data()), *n};
  }
  TemporaryDirectory directory_;
  SystemFileSystem files_;
};

TEST_F(SystemFileSystemTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(files_.open_read(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.open_write(directory_ / "none", false).error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.stat(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.list(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.real_path(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.notifies(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.remove(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.sync_directory(directory_ / "none").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files_.rename(directory_ / "none", directory_ / "b").error().sys_errno(), ENOENT);
}

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

TEST_F(SystemFileSystemTest, StatFollowsLinksOnlyWhenAsked) {
  directory_.write("a.log", "x");
  ASSERT_EQ(::symlink("a.log", (directory_ / "link").c_str()), 0);
  EXPECT_EQ(files_.stat(directory_ / "link")->type, FileType::regular);
  EXPECT_EQ(files_.stat_no_follow(directory_ / "link")->type, FileType::symlink);
}

TEST_F(SystemFileSystemTest, ADeletedFileIsSeenThroughItsDescriptor) {
  const std::string path = directory_.write("a.log", "x");
  const UniqueFd fd = *files_.open_read(path);
  ASSERT_TRUE(files_.remove(path));
  EXPECT_EQ(files_.stat_fd(fd.get())->links, 0U);
  EXPECT_EQ(files_.stat_fd(fd.get())->size, 1U);
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

TEST_F(SystemFileSystemTest, ListOfAFileIsAnError) {
  EXPECT_EQ(files_.list(directory_.write("a.log", "")).error().sys_errno(), ENOTDIR);
}

TEST_F(SystemFileSystemTest, RealPathHasNoLinkInIt) {
  directory_.write("real/a.log", "");
  ASSERT_EQ(::symlink("real", (directory_ / "alias").c_str()), 0);
  EXPECT_EQ(*files_.real_path(directory_ / "alias/../alias/./a.log"), directory_ / "real/a.log");
}

TEST_F(SystemFileSystemTest, OpenOfAFifoWithoutAWriterDoesNotWait) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  const Result<UniqueFd> fd = files_.open_read(directory_ / "fifo");
  ASSERT_TRUE(fd) << fd.error().text();
  EXPECT_EQ(files_.stat_fd(fd->get())->type, FileType::fifo);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(SystemFileSystemTest, ReadsUntilFullOrTheEnd) {
  const UniqueFd fd = *files_.open_read(directory_.write("a.log", "0123456789"));
  EXPECT_EQ(read(fd.get(), 4, 2), "2345");
  EXPECT_EQ(read(fd.get(), 100, 4), "456789");
  EXPECT_EQ(read(fd.get(), 100, 10), "");
  EXPECT_EQ(read(fd.get(), 100, 1000), "");
  EXPECT_EQ(read(fd.get(), 0, 0), "");
}

TEST_F(SystemFileSystemTest, WritesMakesLongerAndCuts) {
  const std::string path = directory_ / "journal";
  const UniqueFd fd = *files_.open_write(path, true);
  EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms::others_all,
            std::filesystem::perms::none);
  ASSERT_TRUE(files_.allocate(fd.get(), 8192));
  EXPECT_EQ(files_.stat_fd(fd.get())->size, 8192U);
  EXPECT_EQ(read(fd.get(), 9000, 0), std::string(8192, '\0'));
  ASSERT_TRUE(files_.write_at(fd.get(), bytes_of("record"), 100));
  ASSERT_TRUE(files_.sync_data(fd.get()));
  EXPECT_EQ(read(fd.get(), 6, 100), "record");
  ASSERT_TRUE(files_.truncate(fd.get(), 103));
  EXPECT_EQ(read(fd.get(), 100, 100), "rec");
  ASSERT_TRUE(files_.rename(path, directory_ / "renamed"));
  ASSERT_TRUE(files_.sync_directory(directory_.path()));
  EXPECT_EQ(files_.stat(directory_ / "renamed")->size, 103U);
}

TEST_F(SystemFileSystemTest, AFailedWriteSaysSo) {
  const UniqueFd fd = *files_.open_read(directory_.write("a.log", ""));
  EXPECT_EQ(files_.write_at(fd.get(), bytes_of("x"), 0).error().sys_errno(), EBADF);
  EXPECT_EQ(files_.sync_data(-1).error().sys_errno(), EBADF);
}

TEST_F(SystemFileSystemTest, AFullDiskIsNoSpace) {
  const Result<UniqueFd> fd = files_.open_write("/dev/full", false);
  if (!fd) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(files_.write_at(fd->get(), bytes_of("x"), 0).error().kind(), ErrorKind::no_space);
}

TEST_F(SystemFileSystemTest, MakesDirectoriesThatAreMissing) {
  ASSERT_TRUE(files_.make_directories(directory_ / "a/b//c/"));
  EXPECT_EQ(files_.stat(directory_ / "a/b/c")->type, FileType::directory);
  EXPECT_TRUE(files_.make_directories(directory_ / "a/b/c"));
  EXPECT_TRUE(files_.make_directories("/"));
  directory_.write("file", "");
  EXPECT_FALSE(files_.make_directories(directory_ / "file"));
  EXPECT_FALSE(files_.make_directories(directory_ / "file/below"));
  EXPECT_FALSE(files_.make_directories(""));
}

TEST_F(SystemFileSystemTest, ALockHoldsUntilItsDescriptorIsClosed) {
  const std::string path = directory_ / "lock";
  UniqueFd first = *files_.open_write(path, true);
  const UniqueFd second = *files_.open_write(path, true);
  ASSERT_TRUE(files_.lock(first.get()));
  ASSERT_TRUE(files_.lock(first.get())) << "one's own lock again";
  EXPECT_EQ(files_.lock(second.get()).error().kind(), ErrorKind::fenced);
  first.reset();
  EXPECT_TRUE(files_.lock(second.get()));
}

TEST_F(SystemFileSystemTest, ADirectoryInMemoryNotifies) { EXPECT_EQ(*files_.notifies("/dev"), Notifies::yes); }

}  // namespace
}  // namespace tailrace
