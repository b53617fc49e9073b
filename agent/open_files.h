// OpenFiles: how many files may be open at once.
#pragma once

#include <cstdint>

namespace tailrace {

// Raises RLIMIT_NOFILE's soft limit to its hard one and returns what it is then. Once, at the start.
std::uint64_t raise_open_files_limit();

// The smallest limit under which an agent is started.
std::uint64_t open_files_least();

// How many of `limit` descriptors the tailers may use: `max_open_files`, else 80 %; never more than leaves enough for
// HTTP and 64 for the rest (the sinks' sockets, the journal), never less than 16.
std::uint64_t open_files_max(std::uint64_t limit, std::uint64_t max_open_files);

// Lets the kernel make its table of descriptors as large as `files` will need it. Before the first thread is started:
// of a process with threads each doubling waits for an RCU grace period, some 10 ms in which no other thread opens
// anything (expand_fdtable in Linux' fs/file.c). Only for the first 16,384, 128 KiB of the kernel's memory.
void reserve_descriptors(std::uint64_t files);

}  // namespace tailrace
