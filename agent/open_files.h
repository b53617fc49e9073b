// OpenFiles: how many files may be open at once.
#pragma once

#include <cstdint>

namespace tailrace {

// Raises RLIMIT_NOFILE's soft limit to its hard one and returns what it is then. Once, at the start.
std::uint64_t raise_open_files_limit();

// How many of `limit` descriptors the tailers may use: `max_open_files`, else 80 %; never more than leaves 64 for the
// rest (sockets, journal, HTTP), never less than 16.
std::uint64_t open_files_max(std::uint64_t limit, std::uint64_t max_open_files);

}  // namespace tailrace
