#include "agent/memory_bound.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

namespace tailrace {

namespace {

constexpr std::uint64_t kMebibyte = 1024 * 1024;

// A file's number; "max", and v1's page-rounded largest one, are no limit.
std::optional<std::uint64_t> read_limit(const std::string& path) {
  std::ifstream in(path);
  std::uint64_t bytes = 0;
  if (!(in >> bytes) || bytes >= (std::uint64_t{1} << 62)) return std::nullopt;
  return bytes;
}

// The group's own limit and those of all groups above it, which hold as well. In a container the path may not exist
// under the mount (no cgroup namespace): then the walk ends at the mount, which is the container's own group.
std::optional<std::uint64_t> smallest_upwards(const std::string& mount, std::string group, const char* name) {
  std::optional<std::uint64_t> smallest;
  while (true) {
    if (const auto limit = read_limit(mount + group + "/" + name))
      smallest = std::min(smallest.value_or(*limit), *limit);
    const auto slash = group.rfind('/');
    if (group.empty() || slash == std::string::npos) return smallest;
    group.resize(slash);
  }
}

}  // namespace

std::uint64_t memory_bound(const Config& config) {
  std::uint64_t bytes = 64 * kMebibyte;
  for (const SinkConfig& sink : config.sinks) bytes += sink.memory;
  return bytes;
}

std::optional<std::uint64_t> cgroup_memory_max(const std::string& cgroup_of_process, const std::string& cgroup_mount) {
  std::optional<std::uint64_t> smallest;
  std::ifstream in(cgroup_of_process);
  for (std::string line; std::getline(in, line);) {
    // "0::/group" (v2) or "9:memory:/group" (v1)
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    std::optional<std::uint64_t> limit;
    if (controllers == ",,") limit = smallest_upwards(cgroup_mount, group, "memory.max");
    if (controllers.find(",memory,") != std::string::npos) {
      limit = smallest_upwards(cgroup_mount + "/memory", group, "memory.limit_in_bytes");
    }
    if (limit) smallest = std::min(smallest.value_or(*limit), *limit);
  }
  return smallest;
}

std::optional<std::string> memory_warning(const Config& config, std::optional<std::uint64_t> memory_max) {
  const std::uint64_t bound = memory_bound(config);
  if (!memory_max || *memory_max >= bound) return std::nullopt;
  return fmt::format(
      "the cgroup allows {} MiB of memory, this config may take {} MiB and 1 KiB a file; raise the limit or lower the "
      "sinks' memory",
      *memory_max / kMebibyte, bound / kMebibyte);
}

}  // namespace tailrace
