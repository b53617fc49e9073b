#include "agent/process_usage.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace tailrace {

namespace {

std::string slurp(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Fields of /proc/self/stat from the third on (proc(5)): the second, the name, may hold blanks and brackets.
std::vector<std::string> stat_fields() {
  const std::string stat = slurp("/proc/self/stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream in(stat.substr(name_end + 1));
  std::vector<std::string> fields;
  for (std::string field; in >> field;) fields.push_back(field);
  return fields;
}

std::uint64_t to_number(const std::string& text) {
  std::istringstream in(text);
  std::uint64_t value = 0;
  return in >> value ? value : 0;
}

double boot_unix_seconds() {
  std::istringstream in(slurp("/proc/stat"));
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("btime ", 0) == 0) return static_cast<double>(to_number(line.substr(6)));
  }
  return 0;
}

std::uint64_t count_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
  if (!directory) return 0;
  std::uint64_t entries = 0;
  while (readdir(directory.get()) != nullptr) ++entries;
  return entries < 3 ? 0 : entries - 3;  // ".", ".." and the directory's own
}

}  // namespace

ProcessUsage process_usage() {
  ProcessUsage usage;
  const auto ticks = static_cast<double>(std::max(1L, sysconf(_SC_CLK_TCK)));
  const auto page = static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_PAGESIZE)));
  const std::vector<std::string> fields = stat_fields();
  const auto field = [&](std::size_t number) {  // as proc(5) counts
    return number - 3 < fields.size() ? to_number(fields[number - 3]) : 0;
  };
  usage.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
  usage.threads = field(20);
  usage.start_unix_seconds = boot_unix_seconds() + static_cast<double>(field(22)) / ticks;
  usage.virtual_bytes = field(23);
  usage.resident_bytes = field(24) * page;
  usage.open_fds = count_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.open_fds_max = limit.rlim_cur;
  return usage;
}

}  // namespace tailrace
