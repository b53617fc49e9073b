// StateDir: the directory that keeps what survives a restart, and the lock that keeps a second agent out of it.
//
// A full or read-only disk is no reason not to start: the lock is then taken on what is there (the lock file, else the
// directory itself), and what cannot be written is left out. The lock lasts until the object or the process ends.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/file_system.h"
#include "base/unique_fd.h"

namespace tailrace {

class StateDir {
 public:
  // Makes the directory where it is missing. Blocks. Errors: bad_input when only editing the config (or the system) can
  // mend it: not a directory, not permitted.
  static Result<StateDir> open(FileSystem& files, std::string path);

  // Takes the lock if it is free and writes our pid beside it. Errors: fenced when another process holds it (the text
  // names its pid); io where the file system knows no locks.
  Status try_lock(FileSystem& files);

  // False: it cannot be made or written (full, read-only); `trouble` says why.
  bool is_writable() const { return trouble_.empty(); }
  const std::string& trouble() const { return trouble_; }
  const std::string& path() const { return path_; }

  // state_dir/http.addr: where the HTTP server listens, one line. An error is worth a warning, no more.
  Status write_http_address(FileSystem& files, const std::string& address);
  void remove_http_address(FileSystem& files);

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  Status open_lock(FileSystem& files);

  std::string path_;
  std::string trouble_;
  UniqueFd lock_file_;
  UniqueFd directory_;
};

// What state_dir/http.addr says: "127.0.0.1:9727". Errors: not_found when no agent ever served there.
Result<std::string> read_http_address(FileSystem& files, const std::string& state_dir);

// The process that holds a flock on `file`, by /proc/locks (text as there). Nothing when it is in another pid
// namespace.
std::optional<int> lock_holder(const std::string& proc_locks, const FileStat& file);

}  // namespace tailrace
