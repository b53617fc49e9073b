// Probe: opens a path and looks at what is there, on a worker, so that the loop can decide who it is.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"

namespace tailrace {

struct SeenInode {
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  // 0: not known
};

struct ProbeRequest {
  std::string path;                    // where to look
  std::string first_path;              // under which the file is known if it is new; usually `path`
  bool is_renamed = false;             // from first_path to path, before it could be looked at
  bool is_expected = false;            // it was just created: if no name is there, it was renamed or deleted since
  std::vector<SeenInode> inodes = {};  // seen there and not looked at yet: what has another name now is found
  bool wants_tail = false;             // the bytes before its end too (start_at = "end")
};

struct Probe {
  ProbeRequest request;
  std::string real_path;
  UniqueFd fd;
  FileStat stat;
  std::vector<std::byte> prefix;
  std::vector<std::byte> tail;  // the kTailBytesMax bytes before stat.size
  // Set when it could not be looked at; then only `request` is meaningful. bad_input: not a regular file.
  std::vector<Error> error;

  bool is_ok() const { return error.empty(); }
};

// Blocks. `keeps_fd`: hand the descriptor over, else it is closed.
Probe probe(FileSystem& files, ProbeRequest request, bool keeps_fd);

}  // namespace tailrace
