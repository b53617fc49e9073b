// Files that are not read, or not told of by their directory: the agent's own, what the kernel makes up, mount points.
#include <gmock/gmock.h>

#include "tests/agent/pipeline_world.h"

namespace tailrace {
namespace {

using std::chrono::seconds;

struct Refused : PipelineWorld {
  std::uint64_t open_errors(OpenErrorReason reason) const {
    return tailer().counters.open_errors[static_cast<std::size_t>(reason)];
  }
};

// The globs cover state_dir: what is in it would make more of itself.
TEST_F(Refused, TheAgentsOwnFilesAreNeverShipped) {
  config.tailers[0].include = {"/**/*"};
  disk.append("/log/a.log", lines(0, 3));
  start();
  run(seconds(3));
  disk.append("/state/http.addr", "127.0.0.1:1\n");
  disk.make("/state/rejected");
  disk.append("/state/rejected/1", "a record\n");
  disk.symlink("/state/http.addr", "/log/link.log");
  run(seconds(70));
  EXPECT_EQ(delivered(), list(0, 3));
}

TEST_F(Refused, TheAgentsOwnFilesAreNotShippedByTheirNames) {
  config.tailers[0].include = {"/state/http.addr", "/state/rejected/*"};
  disk.append("/state/http.addr", "127.0.0.1:1\n");
  disk.make("/state/rejected");
  start();
  disk.append("/state/rejected/1", "a record\n");
  run(seconds(70));
  EXPECT_THAT(delivered(), testing::IsEmpty());
}

// procfs and sysfs say 4096 bytes, or none, and give others: no lag, nothing lost, and --once goes well.
TEST_F(Refused, WhatTheKernelMakesUpIsNoFile) {
  disk.append("/log/a.log", std::string(4096, 'x'));
  disk.set_made_up("/log/a.log");
  disk.append("/log/b.log", lines(0, 2));
  start();
  run(seconds(70));
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_EQ(tailer().lag[0].bytes, 0u);
  EXPECT_GT(open_errors(OpenErrorReason::not_regular), 0u);
  disk.erase("/log/a.log");
  run(seconds(70));
  EXPECT_EQ(lost(LostReason::deleted), 0u);
  drain();
}

TEST_F(Refused, OnceIsNoWorseForWhatTheKernelMakesUp) {
  options.once = true;
  disk.append("/log/a.log", std::string(4096, 'x'));
  disk.set_made_up("/log/a.log");
  start();
  run(seconds(1));
  EXPECT_TRUE(pipeline->is_drained());
  EXPECT_FALSE(pipeline->once_met_errors());
}

// `docker -v file`: the directory in which the file is seen is told of nothing that is written to it.
TEST_F(Refused, AFileThatIsAMountPointIsWatchedItself) {
  disk.append("/log/a.log", lines(0, 1));
  disk.set_mount_point("/log/a.log");
  start();
  disk.append("/log/a.log", lines(1, 2));
  run();
  EXPECT_EQ(delivered(), list(0, 2));
  EXPECT_EQ(tailer().polled_directories, 0u);
}

}  // namespace
}  // namespace tailrace
