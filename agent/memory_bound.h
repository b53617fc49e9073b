// MemoryBound: what this config may take at most (contract, section 4), and what the cgroup allows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"

namespace tailrace {

// The sinks' memory + 64 MiB; 1 KiB a known file comes on top.
std::uint64_t memory_bound(const Config& config);

// The smallest memory.max (v2) or memory.limit_in_bytes (v1) from this process's cgroup up to the root; nothing without
// a limit. Blocks.
std::optional<std::uint64_t> cgroup_memory_max(const std::string& cgroup_of_process = "/proc/self/cgroup",
                                               const std::string& cgroup_mount = "/sys/fs/cgroup");

// One sentence when the limit is below the bound.
std::optional<std::string> memory_warning(const Config& config, std::optional<std::uint64_t> memory_max);

}  // namespace tailrace
