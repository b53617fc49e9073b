// ProcessUsage: what this process takes of the machine, for the usual process_* metrics.
#pragma once

#include <cstdint>

namespace tailrace {

struct ProcessUsage {
  double cpu_seconds = 0;
  double start_unix_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t open_fds_max = 0;
  std::uint64_t threads = 0;
};

// Reads /proc/self: an HTTP thread's, not the loop's. What cannot be read stays 0.
ProcessUsage process_usage();

}  // namespace tailrace
