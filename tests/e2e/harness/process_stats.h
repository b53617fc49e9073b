// process_stats: what /proc says of a running process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace tailrace::e2e {

struct ProcessStats {
  double cpu_seconds = 0;           // user and system, all threads, since it started
  std::uint64_t rss_bytes = 0;      // now (VmRSS)
  std::uint64_t rss_bytes_max = 0;  // the most it ever had (VmHWM)
  std::uint64_t open_files = 0;
};

// Nothing when it is gone.
std::optional<ProcessStats> process_stats(pid_t pid);

}  // namespace tailrace::e2e
