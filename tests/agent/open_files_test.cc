#include "agent/open_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "agent/http_connections.h"

namespace tailrace {
namespace {

// So many descriptors fit into the kernel's table as it is (proc_pid_status(5)).
std::uint64_t descriptor_table() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("FDSize:")) return std::stoull(line.substr(7));
  }
  return 0;
}

TEST(OpenFiles, FourFifthsOfTheLimitUnlessTheConfigSaysAnotherNumber) {
  EXPECT_EQ(open_files_max(20'000, 0), 16'000u);
  EXPECT_EQ(open_files_max(20'000, 100), 100u);
  EXPECT_EQ(open_files_max(1024, 0), 816u);
}

TEST(OpenFiles, TheRestKeepsSixtyFourAndHttpsAndTheTailersAtLeastSixteen) {
  EXPECT_EQ(open_files_max(1024, 5000), 1024 - 64 - kHttpDescriptorsMax);
  EXPECT_EQ(open_files_max(open_files_least(), 0), 16u);
  EXPECT_EQ(open_files_max(50, 0), 16u);
}

TEST(OpenFiles, ReservedDescriptorsNeedNoLargerTableLater) {
  const std::uint64_t files = open_files_max(raise_open_files_limit(), 3000);
  reserve_descriptors(files);
  EXPECT_GE(descriptor_table(), files + 64 + kHttpDescriptorsMax);
}

}  // namespace
}  // namespace tailrace
