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
  ASSERT_TRUE(dir->try_lock());
  EXPECT_EQ(scratch_.read("state/lock"), std::to_string(getpid()) + "\n");

  const std::string expected = "in use by pid " + std::to_string(getpid());
  const pid_t other = fork();
  if (other == 0) {
    Result<StateDir> second = StateDir::open(files_, scratch_ / "state");
    if (!second) _exit(2);
    const Status locked = second->try_lock();
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
    _exit(dir && dir->try_lock() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir);
  EXPECT_TRUE(dir->try_lock());
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
  ASSERT_TRUE(dir->try_lock());

  // A second agent that can write meets the first one at the directory.
  Result<StateDir> second = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(second);
  const Status locked = second->try_lock();
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().kind(), ErrorKind::fenced);
}

TEST_F(State, ThatCannotEvenBeMadeIsNoReasonNotToStart) {
  ReadOnlyFileSystem read_only;
  Result<StateDir> dir = StateDir::open(read_only, scratch_ / "state");
  ASSERT_TRUE(dir) << dir.error().text();
  EXPECT_TRUE(dir->try_lock());
  EXPECT_FALSE(dir->is_writable());
  EXPECT_FALSE(dir->write_http_address("127.0.0.1:1"));
}

TEST_F(State, SaysWhereTheHttpServerListens) {
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir);
  EXPECT_FALSE(read_http_address(files_, dir->path()));
  ASSERT_TRUE(dir->write_http_address("127.0.0.1:12345"));
  ASSERT_TRUE(dir->write_http_address("[::1]:9727"));
  const Result<std::string> address = read_http_address(files_, dir->path());
  ASSERT_TRUE(address);
  EXPECT_EQ(*address, "[::1]:9727");
  dir->remove_http_address();
  EXPECT_FALSE(read_http_address(files_, dir->path()));
}

std::uint32_t mode_of(const std::string& path) {
  struct stat stat{};
  EXPECT_EQ(::stat(path.c_str(), &stat), 0);
  return stat.st_mode & 07777U;
}

TEST_F(State, IsMadeForItsOwnerOnly) {
  const mode_t mask = umask(0);
  ASSERT_TRUE(StateDir::open(files_, scratch_ / "a/b"));
  umask(mask);
  EXPECT_EQ(mode_of(scratch_ / "a/b"), 0700u);
  EXPECT_EQ(mode_of(scratch_ / "a"), 0750u);
}

TEST_F(State, LosesTheWritePermissionOfOthers) {
  for (const mode_t mode : {0777, 0770, 0702, 02775}) {
    std::filesystem::create_directory(scratch_ / "state");
    ASSERT_EQ(chmod((scratch_ / "state").c_str(), mode), 0);
    EXPECT_TRUE(check_state_dir(files_, scratch_ / "state"));
    EXPECT_EQ(mode_of(scratch_ / "state"), mode);  // looking changes nothing
    ASSERT_TRUE(StateDir::open(files_, scratch_ / "state"));
    EXPECT_EQ(mode_of(scratch_ / "state"), mode & ~022U);
    std::filesystem::remove_all(scratch_ / "state");
  }
}

// Chmod of /tmp would break the machine.
TEST_F(State, IsNoDirectoryThatAllShare) {
  ASSERT_EQ(chmod(scratch_.path().c_str(), 01777), 0);
  const Result<StateDir> dir = StateDir::open(files_, scratch_.path());
  ASSERT_FALSE(dir);
  EXPECT_EQ(dir.error().kind(), ErrorKind::bad_input);
  EXPECT_FALSE(check_state_dir(files_, scratch_.path()));
  EXPECT_EQ(mode_of(scratch_.path()), 01777u);
}

TEST_F(State, OfAnotherUserIsRefusedAndNothingInItTouched) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make a directory that is somebody else's";
  std::filesystem::create_directory(scratch_ / "state");
  scratch_.write("secret", "root's own");
  std::filesystem::create_symlink(scratch_ / "secret", scratch_ / "state/lock");
  ASSERT_EQ(chown((scratch_ / "state").c_str(), 65534, 65534), 0);
  const Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_FALSE(dir);
  EXPECT_EQ(dir.error().kind(), ErrorKind::bad_input);
  EXPECT_NE(dir.error().text().find("belongs to user 65534"), std::string::npos) << dir.error().text();
  const Status checked = check_state_dir(files_, scratch_ / "state");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().text(), dir.error().text());
  EXPECT_EQ(scratch_.read("secret"), "root's own");
}

TEST(ModeWanted, IsThatOfADirectoryThatOnlyRootAndTheAgentWrite) {
  const AgentUser agent{.user = 500, .groups = {600, 700}};
  const auto of = [&agent](std::uint32_t owner, std::uint32_t group, std::uint32_t mode) -> int {
    FileStat stat;
    stat.owner = owner;
    stat.group = group;
    stat.mode = mode;
    const Result<std::uint32_t> wanted = mode_wanted(stat, agent);
    return wanted ? static_cast<int>(*wanted) : -1;
  };
  EXPECT_EQ(of(500, 600, 0700), 0700);
  EXPECT_EQ(of(500, 600, 0775), 0755);
  EXPECT_EQ(of(500, 600, 0777), 0755);
  EXPECT_EQ(of(0, 0, 0755), 0755);
  EXPECT_EQ(of(0, 700, 02770), 02770);  // root's, for the agent's group: a Kubernetes volume with fsGroup
  EXPECT_EQ(of(0, 800, 0770), -1);      // for another group
  EXPECT_EQ(of(0, 600, 0777), -1);      // for all
  EXPECT_EQ(of(501, 600, 0700), -1);
}

// What lies inside may have been put there before the directory was safe.
TEST_F(State, NoLinkInsideIsFollowed) {
  std::filesystem::create_directory(scratch_ / "state");
  scratch_.write("secret", "somebody's own");
  std::filesystem::create_symlink(scratch_ / "secret", scratch_ / "state/lock");
  const Result<StateDir> refused = StateDir::open(files_, scratch_ / "state");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::bad_input);
  EXPECT_FALSE(check_state_dir(files_, scratch_ / "state"));
  std::filesystem::remove(scratch_ / "state/lock");

  for (const char* name : {"state/http.addr", "state/http.addr.new"}) {
    std::filesystem::create_symlink(scratch_ / "secret", scratch_ / name);
  }
  EXPECT_FALSE(read_http_address(files_, scratch_ / "state"));
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir);
  ASSERT_TRUE(dir->try_lock());
  ASSERT_TRUE(dir->write_http_address("127.0.0.1:1"));
  EXPECT_EQ(*read_http_address(files_, scratch_ / "state"), "127.0.0.1:1");
  EXPECT_EQ(scratch_.read("secret"), "somebody's own");
}

TEST_F(State, MayItselfBeReachedThroughLinks) {
  std::filesystem::create_directories(scratch_ / "private/tailrace");
  std::filesystem::create_directory_symlink("private/tailrace", scratch_ / "state");  // as DynamicUser= has it
  EXPECT_TRUE(check_state_dir(files_, scratch_ / "state"));
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir) << dir.error().text();
  EXPECT_TRUE(dir->try_lock());
  EXPECT_TRUE(dir->home()->sync_name());
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "private/tailrace/lock"));
}

// Removed, or mounted over, while the agent runs.
TEST_F(State, IsTakenAnewWhereItsPathLeadsNow) {
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir && dir->try_lock() && dir->write_http_address("127.0.0.1:1"));
  const std::shared_ptr<StateHome> home = dir->home();
  EXPECT_TRUE(home->look());

  std::filesystem::remove_all(scratch_ / "state");
  EXPECT_FALSE(home->look());
  ASSERT_TRUE(home->open());
  EXPECT_TRUE(home->look());
  EXPECT_EQ(mode_of(scratch_ / "state"), 0700u);
  EXPECT_EQ(scratch_.read("state/lock"), std::to_string(getpid()) + "\n");
  EXPECT_EQ(*read_http_address(files_, scratch_ / "state"), "127.0.0.1:1");

  std::filesystem::rename(scratch_ / "state", scratch_ / "old");
  std::filesystem::create_directory(scratch_ / "state");
  EXPECT_FALSE(home->look());
  ASSERT_TRUE(home->open());
  EXPECT_TRUE(std::filesystem::exists(scratch_ / "state/lock"));

  // Only the lock's file is gone: the directory is ours all the time.
  std::filesystem::remove(scratch_ / "state/lock");
  EXPECT_FALSE(home->look());
  ASSERT_TRUE(home->open());
  EXPECT_TRUE(home->look());
  Result<StateDir> second = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->try_lock().error().kind(), ErrorKind::fenced);
}

TEST_F(State, IsNotTakenAnewWhereAnotherAgentRuns) {
  Result<StateDir> dir = StateDir::open(files_, scratch_ / "state");
  ASSERT_TRUE(dir && dir->try_lock());
  Result<StateDir> other = StateDir::open(files_, scratch_ / "other");
  ASSERT_TRUE(other && other->try_lock());
  std::filesystem::remove_all(scratch_ / "state");
  std::filesystem::rename(scratch_ / "other", scratch_ / "state");
  const auto opened = dir->home()->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::fenced);
}

TEST_F(State, IsCheckedWithoutBeingMade) {
  EXPECT_TRUE(check_state_dir(files_, scratch_ / "a/b/c"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "a"));
  EXPECT_TRUE(check_state_dir(files_, "no-such-directory/below"));
  scratch_.write("file", "x");
  for (const char* path : {"file", "file/below", "file/far/below"}) {
    const Status checked = check_state_dir(files_, scratch_ / path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().kind(), ErrorKind::bad_input);
  }
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
