// StateDir: the directory that keeps what survives a restart, and the lock that keeps a second agent out of it.
//
// A full or read-only disk is no reason not to start: the lock is then taken on what is there (the lock file, else the
// directory itself), and what cannot be written is left out. The lock lasts until the object or the process ends; in a
// directory that takes the first one's place while the agent runs it is taken again.
//
// It must belong to root or to the agent's user, and nobody else may write to it: whoever can makes names there that
// lead where he likes. Nothing inside is reached through a symbolic link.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"
#include "buffer/state_home.h"

namespace tailrace {

class StateDir {
 public:
  // Makes the directory where it is missing; takes the write permission of group and others from one that is the
  // agent's user's, and says so. Blocks. Errors: bad_input when only editing the config (or the system) can mend it:
  // not a directory, not permitted, somebody else's, a link inside.
  static Result<StateDir> open(FileSystem& files, std::string path);

  // Takes the lock if it is free and writes our pid beside it. Errors: fenced when another process holds it (the text
  // names its pid); io where the file system knows no locks.
  Status try_lock();

  // False: it cannot be made or written (full, read-only); `trouble` says why.
  bool is_writable() const { return trouble().empty(); }
  const std::string& trouble() const;
  const std::string& path() const;
  // For the journal and the spool.
  std::shared_ptr<StateHome> home() const;

  // state_dir/http.addr: where the HTTP server listens, one line. An error is worth a warning, no more.
  Status write_http_address(const std::string& address);
  void remove_http_address();

 private:
  class Home;
  explicit StateDir(std::shared_ptr<Home> home) : home_(std::move(home)) {}

  std::shared_ptr<Home> home_;
};

// What StateDir::open would refuse, found without making or changing anything. Blocks.
Status check_state_dir(FileSystem& files, const std::string& path);

// What to do about what both refuse.
inline constexpr char kStateDirRemedy[] = "name a directory that only root or the agent's user may write";

// Whose processes may use a state_dir.
struct AgentUser {
  std::uint32_t user = 0;
  std::vector<std::uint32_t> groups;
};
AgentUser agent_user();  // this process

// bad_input: a directory like this is refused. `mode_wanted`: the one that it gets, which is its own when it is good.
Result<std::uint32_t> mode_wanted(const FileStat& directory, const AgentUser& agent);

// What state_dir/http.addr says: "127.0.0.1:9727". Errors: not_found when no agent ever served there.
Result<std::string> read_http_address(FileSystem& files, const std::string& state_dir);

// The process that holds a flock on `file`, by /proc/locks (text as there). Nothing when it is in another pid
// namespace.
std::optional<int> lock_holder(const std::string& proc_locks, const FileStat& file);

}  // namespace tailrace
