// Descriptors 0, 1 and 2 as the parent left them: closed, or non-blocking.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "run_binary.h"

namespace tailrace {
namespace {

using testing::HasSubstr;

class StandardDescriptors : public testing::Test {
 protected:
  std::string config(const std::string& sink, const std::string& lines) {
    scratch_.write("logs/app.log", lines);
    return scratch_.write("tailrace.toml", "[agent]\nstate_dir = \"" + (scratch_ / "state") +
                                               "\"\n[http]\nlisten = \"\"\n[tailers.app]\ninclude = [\"" +
                                               (scratch_ / "logs") + "/*.log\"]\n[sinks.out]\ntype = \"" + sink +
                                               "\"\n");
  }
  // stdout is a pipe whose end does not block; what is read from it once it was seen full.
  Ended run_with_nonblocking_stdout(const std::vector<std::string>& arguments, std::string& out) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    fcntl(write_end.get(), F_SETFL, O_NONBLOCK);
    const int full = fcntl(write_end.get(), F_SETPIPE_SZ, 4096);
    Running running(arguments, [&] { dup2(write_end.get(), STDOUT_FILENO); });
    write_end.reset();
    int held = 0;
    // A writer that gives up at EAGAIN has ended by then.
    for (int ms = 0; held < full && !running.has_ended() && ms < 60'000; ++ms) {
      ioctl(read_end.get(), FIONREAD, &held);
      poll(nullptr, 0, 1);
    }
    EXPECT_TRUE(held >= full || running.has_ended()) << held << " of " << full << " bytes";
    char part[4096];
    for (ssize_t bytes; (bytes = read(read_end.get(), part, sizeof part)) > 0;)
      out.append(part, static_cast<std::size_t>(bytes));
    return running.wait();
  }
  static void close_all(const std::vector<int>& fds) {
    for (const int fd : fds) close(fd);
  }

  ScratchDirectory scratch_;
};

// What the agent opened next became descriptor 1: the lines went into the lock file, and counted as shipped.
TEST_F(StandardDescriptors, AStdoutSinkWithoutAStdoutFailsAndShipsNothing) {
  const std::string path = config("stdout", "one\ntwo\n");
  for (const std::vector<int>& closed : {std::vector<int>{1}, {0, 1}, {1, 2}, {0, 1, 2}}) {
    const Ended ended = run_binary({"run", "--once", "-c", path}, [&] { close_all(closed); });
    EXPECT_EQ(ended.status, 1);
    if (closed.back() != 2) {
      EXPECT_THAT(ended.err, HasSubstr("tailrace: sinks.out: stdout is closed"));
    }
    const Ended dry = run_binary({"run", "--once", "--dry-run", "-c", path}, [&] { close_all(closed); });
    EXPECT_EQ(dry.status, 1);
  }
  const Ended next = run_binary({"run", "--once", "-c", path});
  EXPECT_EQ(next.status, 0) << next.err;
  EXPECT_EQ(next.out, "one\ntwo\n");
}

TEST_F(StandardDescriptors, ClosedOnesAreDevNull) {
  const std::string path = config("null", "one\ntwo\n");
  for (const std::vector<int>& closed : {std::vector<int>{0}, {1}, {2}, {0, 1, 2}}) {
    const Ended ended = run_binary({"run", "--once", "-c", path}, [&] { close_all(closed); });
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(scratch_.read("state/lock").find("tailrace"), std::string::npos) << "the log went into the lock";
  }
  EXPECT_EQ(run_binary({"check", "-c", path}, [] { close(STDOUT_FILENO); }).status, 0);
}

TEST_F(StandardDescriptors, AFullNonBlockingStdoutIsNotTheEndOfTheSink) {
  std::string lines;
  for (int i = 0; i < 100'000; ++i) lines += "line " + std::to_string(i) + "\n";
  const std::string path = config("stdout", lines);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", "--once", "--dry-run", "-c", path}, {"run", "--once", "-c", path}}) {
    std::string out;
    const Ended ended = run_with_nonblocking_stdout(arguments, out);
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_TRUE(out == lines) << out.size() << " of " << lines.size() << " bytes";
  }
}

TEST_F(StandardDescriptors, AFullNonBlockingStdoutGetsAllOfWhatACommandSays) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"check", "--schema"}, {"check", "-c", config("stdout", "")}, {"run", "--help"}}) {
    std::string out;
    const Ended ended = run_with_nonblocking_stdout(arguments, out);
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(out, run_binary(arguments).out);
  }
}

TEST_F(StandardDescriptors, AnOutputThatCannotBeWrittenIsAFailure) {
  const auto full = [] { dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO); };
  const Ended ended = run_binary({"check", "--schema"}, full);
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.err, "tailrace: stdout: No space left on device\n");
}

}  // namespace
}  // namespace tailrace
