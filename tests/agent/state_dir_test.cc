#include "agent/state_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch_directory.h"

namespace tailrace {
namespace {

class State : public testing::Test {
 protected:
  ScratchDirectory scratch_;
  SystemFileSystem files_;
};

TEST_F(State, IsMadeWithAllDirectoriesAboveIt) {
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "a/b/c");
  ASSERT_TRUE(dir);
  EXPECT_TRUE(dir->is_writable());
  EXPECT_TRUE(std::filesystem::is_directory(scratch_ / "a/b/c"));
}

TEST_F(State, IsRefusedWhereSomethingElseHasItsName) {
  for (const std::string& path : {scratch_.write("file", "x"), scratch_ / "file/below"}) {
    Result<StateDir> dir = StateDir::open(files_, path);
    ASSERT_FALSE(dir);
    EXPECT_EQ(dir.error().kind(), ErrorKind::bad_input) << dir.error().text();
  }
}

TEST_F(State, IsRefusedWhereItIsNotPermitted) {
  if (geteuid() == 0) {
    // Root may write everywhere: ask as somebody else.
    EXPECT_EXIT(
        {
          chmod(scratch_.path().c_str(), 0755);
          const bool is_other = setuid(65534) == 0;
          const Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
          _exit(is_other && !dir && dir.error().kind() == ErrorKind::bad_input ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
    return;
  }
  chmod(scratch_.path().c_str(), 0555);
  const Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  chmod(scratch_.path().c_str(), 0755);
  ASSERT_FALSE(dir);
  EXPECT_EQ(dir.error().kind(), ErrorKind::bad_input);
}

// Another process, since a lock does not keep out its own: it tries, says what it met, and ends.
TEST_F(State, IsLockedAgainstAnotherProcessWhichNamesUs) {
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir);
  ASSERT_TRUE(dir->try_lock(files_));
  EXPECT_EQ(scratch_.read("state/lock"), std::to_string(getpid()) + "\n");

  const std::string expected = "in use by pid " + std::to_string(getpid());
  const pid_t other = fork();
  if (other == 0) {
    Result<StateDir> second = StateDir::open(files_, scratch_ / "state");
    if (!second) _exit(2);
    const Status locked = second->try_lock(files_);
    if (locked) _exit(3);
    if (locked.error().kind() != ErrorKind::fenced) _exit(4);
    _exit(locked.error().text().find(expected) != std::string::npos ? 0 : 5);
  }
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// kill -9 leaves the file and its pid behind, never the lock.
TEST_F(State, IsFreeAgainWhenItsHolderIsGone) {
  const pid_t other = fork();
  if (other == 0) {
    Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
    _exit(dir && dir->try_lock(files_) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir);
  EXPECT_TRUE(dir->try_lock(files_));
  EXPECT_EQ(scratch_.read("state/lock"), std::to_string(getpid()) + "\n");
}

// The real disk, but every write is refused as a read-only file system refuses it.
class ReadOnlyFileSystem : public FileSystem {
 public:
  Result<UniqueFd> open_read(const std::string& path) override { return real_.open_read(path); }
  Result<UniqueFd> open_write(const std::string&, bool) override { return read_only(); }
  Result<UniqueFd> open_directory(const std::string& path) override { return real_.open_directory(path); }
  Result<FileStat> stat(const std::string& path) override { return real_.stat(path); }
  Result<FileStat> stat_no_follow(const std::string& path) override { return real_.stat_no_follow(path); }
  Result<FileStat> stat_fd(int fd) override { return real_.stat_fd(fd); }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override { return real_.list(directory); }
  Result<std::string> real_path(const std::string& path) override { return real_.real_path(path); }
  Result<Notifies> notifies(const std::string& directory) override { return real_.notifies(directory); }
  Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset) override {
    return real_.read_at(fd, into, offset);
  }
  Status write_at(int, std::span<const std::byte>, std::uint64_t) override { return read_only(); }
  Status allocate(int, std::uint64_t) override { return read_only(); }
  Status truncate(int, std::uint64_t) override { return read_only(); }
  Status sync_data(int fd) override { return real_.sync_data(fd); }
  Status sync_directory(const std::string& directory) override { return real_.sync_directory(directory); }
  Status rename(const std::string&, const std::string&) override { return read_only(); }
  Status remove(const std::string&) override { return read_only(); }
  Status make_directories(const std::string& path) override {
    return std::filesystem::is_directory(path) ? Status() : Status(read_only());
  }
  Result<UniqueFd> open_in(int directory, const std::string& name, OpenIn how) override {
    if (how != OpenIn::read && how != OpenIn::directory) return read_only();
    return real_.open_in(directory, name, how);
  }
  Status rename_in(int, const std::string&, const std::string&) override { return read_only(); }
  Status remove_in(int, const std::string&) override { return read_only(); }
  Status make_directory_in(int, const std::string&) override { return read_only(); }
  Status sync_directory_in(int directory) override { return real_.sync_directory_in(directory); }
  Status set_mode(int, std::uint32_t) override { return read_only(); }
  Status lock(int fd) override { return real_.lock(fd); }

 private:
  static Error read_only() { return Error::from_errno(EROFS); }
  SystemFileSystem real_;
};

TEST_F(State, OnAReadOnlyDiskIsLockedAllTheSame) {
  std::filesystem::create_directory(scratch_ / "state");
  ReadOnlyFileSystem read_only;
  Result<StateDir> dir = StateDir::open(read_only, scratch_ / "state");
  ASSERT_TRUE(dir);
  EXPECT_FALSE(dir->is_writable());
  ASSERT_TRUE(dir->try_lock(read_only));

  // A second agent that can write meets the first one at the directory.
  Result<StateDir> second = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(second);
  const Status locked = second->try_lock(files_);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind(), ErrorKind::fenced);
}

TEST_F(State, ThatCannotEvenBeMadeIsNoReasonNotToStart) {
  ReadOnlyFileSystem read_only;
  Result<StateDir> dir = StateDir::open(read_only, scratch_ / "state");
  ASSERT_TRUE(dir) << dir.error().text();
  EXPECT_TRUE(dir->try_lock(read_only));
  EXPECT_FALSE(dir->is_writable());
  EXPECT_FALSE(dir->write_http_address(read_only, "127.0.0.1:1"));
}

TEST_F(State, SaysWhereTheHttpServerListens) {
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir);
  EXPECT_FALSE(read_http_address(files_, dir->path()));
  ASSERT_TRUE(dir->write_http_address(files_, "127.0.0.1:12345"));
  ASSERT_TRUE(dir->write_http_address(files_, "[::1]:9727"));
  const Result<std::string> address = read_http_address(files_, dir->path());
  ASSERT_TRUE(address);
  EXPECT_EQ(*address, "[::1]:9727");
  dir->remove_http_address(files_);
  EXPECT_FALSE(read_http_address(files_, dir->path()));
}

TEST(LockHolder, IsTheProcessWhoseLineNamesTheFile) {
  FileStat file;
  file.device = makedev(0xfd, 1);
  file.inode = 1234;
  const std::string locks =
      "1: POSIX  ADVISORY  WRITE 11 fd:01:1234 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 12 fd:01:12345 0 EOF\n"
      "3: FLOCK  ADVISORY  WRITE 13 fd:01:1234 0 EOF\n"
      "3: -> FLOCK  ADVISORY  WRITE 14 fd:01:1234 0 EOF\n";
  EXPECT_EQ(lock_holder(locks, file), 13);
  EXPECT_EQ(lock_holder("", file), std::nullopt);
  EXPECT_EQ(lock_holder("1: FLOCK  ADVISORY  WRITE 0 fd:01:1234 0 EOF\n", file), std::nullopt);
  EXPECT_EQ(lock_holder("garbage\n\n1:\n", file), std::nullopt);
}

}  // namespace
}  // namespace tailrace
