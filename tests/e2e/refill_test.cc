// Files that change without growing, that are not told of by their directory, and that are not to be read: with the
// real kernel.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "tests/e2e/files_fixture.h"

namespace tailrace::e2e {
namespace {

class Refill : public FilesTest {};
class NotRead : public FilesTest {};

// A file of the writer's that it has open.
class Writer {
 public:
  explicit Writer(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {}
  ~Writer() { ::close(fd_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  int fd() const { return fd_; }
  void reserve(off_t bytes) { ASSERT_EQ(::posix_fallocate(fd_, 0, bytes), 0); }
  void fill(const std::string& text) {
    ASSERT_EQ(::pwrite(fd_, text.data(), text.size(), at_), static_cast<ssize_t>(text.size()));
    at_ += static_cast<off_t>(text.size());
  }
  void trim() { ASSERT_EQ(::ftruncate(fd_, at_), 0); }

 private:
  int fd_;
  off_t at_ = 0;
};

TEST_F(Refill, APreallocatedFileIsShippedAsItIsFilled) {
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  Writer writer(log());
  writer.reserve(3 << 20);
  std::string all;
  for (int i = 0; i < 5; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    writer.fill(line);
    all += line;
    EXPECT_TRUE(prints(agent, all));
  }
  EXPECT_TRUE(agent.wait_shipped(all.size(), kSoon)) << "its zeros are no lag";
  writer.trim();
  writer.fill("last\n");
  EXPECT_TRUE(prints(agent, all + "last\n"));
  EXPECT_EQ(agent.metric("tailrace_lost_bytes_total", {{"reason", "truncated"}}), 0);
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(Refill, AMappedFileIsShippedAtSigtermAndBefore) {
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  Writer writer(log());
  ASSERT_EQ(::ftruncate(writer.fd(), 8192), 0);
  void* const memory = ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, writer.fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memcpy(memory, "line 0\n", 7);
  EXPECT_TRUE(prints(agent, "line 0\n")) << "nobody tells, it is looked for";
  std::memcpy(static_cast<char*>(memory) + 7, "line 1\n", 7);
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "line 0\nline 1\n");
  ::munmap(memory, 8192);
}

// A user's link in a log directory that leads to what the user may not read; and one that leads to the user's own.
TEST_F(NotRead, ALinkOfAnotherUserToWhatIsNotTheirs) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make what belongs to others, and is guarded";
  constexpr uid_t kUser = 12'345;
  TempDir secret("secret");
  write_text_file(secret / "shadow", "secret\n");
  write_text_file(log("own.txt"), "own\n");
  ASSERT_EQ(::chown(log("own.txt").c_str(), kUser, kUser), 0);
  for (const auto& [target, name] : {std::pair{secret / "shadow", "shadow.log"}, {log("own.txt"), "own.log"}}) {
    std::filesystem::create_symlink(target, log(name));
    ASSERT_EQ(::lchown(log(name).c_str(), kUser, kUser), 0);
  }
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess) << "what is not followed is no matching file";
  EXPECT_EQ(agent.stdout_text(), "own\n");
  EXPECT_THAT(agent.stderr_text(), ::testing::HasSubstr("symlinks = \"owner\""));
}

TEST_F(NotRead, WhatTheKernelMakesUp) {
  AgentConfig made_up = config();
  made_up.include = {"/sys/kernel/mm/transparent_hugepage/enabled", "/proc/sys/kernel/hostname", log()};
  write_text_file(log(), "line\n");
  AgentProcess agent(made_up);
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "line\n");
}

TEST_F(NotRead, TheAgentsOwnStateDirectory) {
  AgentConfig wide = config();
  wide.state_dir = logs_ / "state";
  wide.include = {logs_ / "**/*"};
  write_text_file(log(), "line\n");
  AgentProcess agent(wide);
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "line\n"));
  append_text_file(log(), "another\n");
  EXPECT_TRUE(prints(agent, "line\nanother\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "line\nanother\n");
}

// An mtime that nanoseconds cannot hold: no lag of centuries.
TEST_F(NotRead, NoTimeThatIsFarAway) {
  for (const auto& [name, seconds] : {std::pair{"late.log", 15'032'385'535L}, {"early.log", -2'147'483'648L}}) {
    write_text_file(log(name), "no end");
    const timespec times[2] = {{.tv_sec = seconds, .tv_nsec = 0}, {.tv_sec = seconds, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, log(name).c_str(), times, 0), 0);
  }
  append_text_file(log("early.log"), "ed\n");
  const timespec late[2] = {{.tv_sec = 15'032'385'535L, .tv_nsec = 0}, {.tv_sec = 15'032'385'535L, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, log("late.log").c_str(), late, 0), 0);
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "no ended\n"));
  EXPECT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) {
        const auto lag = now.find("tailrace_lag_seconds", {{"stage", "read"}});
        return lag && *lag < 3600;
      },
      kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

}  // namespace
}  // namespace tailrace::e2e
