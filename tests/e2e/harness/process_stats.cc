#include "tests/e2e/harness/process_stats.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace tailrace::e2e {
namespace {

// Fields 14 and 15 of /proc/PID/stat, in clock ticks; the name in field 2 may hold spaces and ends with ')'.
double cpu_seconds(const std::string& stat) {
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t status_bytes(const std::string& line) {
  return std::stoull(line.substr(line.find(':') + 1)) * 1024;  // always kB
}

}  // namespace

std::optional<ProcessStats> process_stats(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  ProcessStats stats;
  std::ifstream stat_file(folder + "/stat");
  std::string stat;
  if (!std::getline(stat_file, stat)) return std::nullopt;
  stats.cpu_seconds = cpu_seconds(stat);

  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) stats.rss_bytes = status_bytes(line);
    if (line.starts_with("VmHWM:")) stats.rss_bytes_max = status_bytes(line);
  }
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder + "/fd", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    ++stats.open_files;
  }
  return stats;
}

}  // namespace tailrace::e2e
