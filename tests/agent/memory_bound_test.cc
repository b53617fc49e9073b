#include "agent/memory_bound.h"

#include <gtest/gtest.h>

#include "agent/open_files.h"
#include "scratch_directory.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kMebibyte = 1024 * 1024;

Config config_of(std::vector<std::uint64_t> memories) {
  Config config;
  for (const std::uint64_t memory : memories) {
    config.sinks.emplace_back();
    config.sinks.back().memory = memory;
  }
  return config;
}

class Cgroup : public testing::Test {
 protected:
  std::optional<std::uint64_t> memory_max(const std::string& of_process) {
    return cgroup_memory_max(scratch_.write("cgroup", of_process), scratch_ / "fs");
  }
  ScratchDirectory scratch_;
};

TEST_F(Cgroup, TheSmallestLimitUpToTheRootCounts) {
  scratch_.write("fs/a/memory.max", "300\n");
  scratch_.write("fs/a/b/memory.max", "max\n");
  scratch_.write("fs/a/b/c/memory.max", "400\n");
  EXPECT_EQ(memory_max("0::/a/b/c\n"), 300u);
}

TEST_F(Cgroup, AContainersOwnGroupIsTheMount) {
  scratch_.write("fs/memory.max", "500\n");
  EXPECT_EQ(memory_max("0::/\n"), 500u);
  EXPECT_EQ(memory_max("0::/kubepods/pod1/not-mounted-here\n"), 500u);
}

TEST_F(Cgroup, TheOldHierarchyIsReadToo) {
  scratch_.write("fs/memory/docker/x/memory.limit_in_bytes", "600\n");
  scratch_.write("fs/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(memory_max("9:cpu,cpuacct:/docker/x\n7:memory:/docker/x\n"), 600u);
}

TEST_F(Cgroup, WithoutALimitThereIsNone) {
  EXPECT_EQ(memory_max("0::/a\n"), std::nullopt);
  EXPECT_EQ(memory_max("garbage\n\n"), std::nullopt);
  EXPECT_EQ(cgroup_memory_max(scratch_ / "missing", scratch_ / "fs"), std::nullopt);
}

TEST(MemoryBound, IsTheSinksMemoryAnd64MiB) {
  EXPECT_EQ(memory_bound(config_of({10 * kMebibyte, 20 * kMebibyte})), 94 * kMebibyte);
}

TEST(MemoryBound, WarnsOnlyBelowTheBound) {
  const Config config = config_of({64 * kMebibyte});
  EXPECT_EQ(memory_warning(config, std::nullopt), std::nullopt);
  EXPECT_EQ(memory_warning(config, 128 * kMebibyte), std::nullopt);
  const auto warning = memory_warning(config, 100 * kMebibyte);
  ASSERT_TRUE(warning);
  EXPECT_NE(warning->find("100 MiB"), std::string::npos) << *warning;
  EXPECT_NE(warning->find("128 MiB"), std::string::npos) << *warning;
}

TEST(OpenFiles, TakeEightyPercentUnlessTheConfigSaysOtherwise) {
  EXPECT_EQ(open_files_max(1000, 0), 800u);
  EXPECT_EQ(open_files_max(100'000, 500), 500u);
}

TEST(OpenFiles, LeaveDescriptorsForTheRest) {
  EXPECT_EQ(open_files_max(1000, 5000), 848u);
  EXPECT_EQ(open_files_max(200, 0), 48u);
  EXPECT_EQ(open_files_max(20, 0), 16u);
}

}  // namespace
}  // namespace tailrace
