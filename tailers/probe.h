// Probe: opens a path and looks at what is there, on a worker, so that the loop can decide who it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"
#include "buffer/source.h"
#include "tailers/own_directory.h"

namespace tailrace {

struct SeenInode {
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  // 0: not known
};

struct ProbeRequest {
  std::string path;                    // where to look
  std::string first_path;              // under which the file is known if it is new; usually `path`
  bool is_renamed = false;             // from first_path to path, before it could be looked at
  bool is_left = false;                // first_path is that of a file that was renamed to path: a new one has its own
  bool is_expected = false;            // an event told of it: if no name is there, it was renamed or deleted since
  std::vector<SeenInode> inodes = {};  // seen there and not looked at yet: what has another name now is found
  bool wants_tail = false;             // the bytes before its end too (start_at = "end")
};

struct Probe {
  ProbeRequest request;
  std::string real_path;
  UniqueFd fd;
  FileStat stat;
  std::vector<std::byte> prefix;
  Offset end = 0;               // wants_tail: where its bytes end, reserved zeros left out
  std::vector<std::byte> tail;  // the kTailBytesMax bytes before that
  std::vector<SeenInode> gone;  // of request.inodes: no name in the directory leads to them
  bool is_unread = false;       // `prefix` and the `stat` that belongs to it are still to come
  // Set when it could not be looked at; then `request` is meaningful, and real_path and stat as far as it came.
  // bad_input: not a regular file, or one of the agent's own. refused: a symlink that is not followed.
  std::vector<Error> error;

  bool is_ok() const { return error.empty(); }
};

// What becomes of the first bytes and of the descriptor. later: the descriptor is handed over, its reader reads them;
// where wants_tail asks for the last bytes as well, both are read here.
enum class ProbeReads : std::uint8_t { now, now_and_closes, later };

// How paths are looked up, and what is known of their directories: for as long as one job takes.
struct Lookup {
  Lookup(FileSystem& files, Symlinks follows, const std::string& own_directory)
      : symlinks(follows), own(files, own_directory) {}

  Symlinks symlinks;
  OwnDirectory own;
  std::unordered_map<std::string, std::string> real_directories = {};
};

// Blocks. Takes from `lookup` what is known, and adds to it.
Probe probe(FileSystem& files, Lookup& lookup, ProbeRequest request, ProbeReads reads);
Probe failed_probe(ProbeRequest request, Error error);

std::string directory_of(const std::string& path);
std::string name_in(const std::string& path);  // its last part

}  // namespace tailrace
