// Symlinks: which of the symlinks on the way to a file are followed.
//
// An agent that reads what its user may not (root, CAP_DAC_READ_SEARCH) would else ship /etc/shadow for whoever may
// write into a log directory: one symlink there is enough. Any thread; blocks.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace tailrace {

enum class Symlinks : std::uint8_t {
  owner,   // those that belong to root, to the agent's user, or to the owner of what they lead to
  follow,  // all
  ignore,  // none
};

// Whether this process may read what the rights of its user would not let it: else `owner` has nothing to guard.
bool may_read_all();

struct Resolved {
  UniqueFd fd;            // O_PATH
  std::string real_path;  // no symlink is on it
};

// Goes along an absolute path from name to name, each by a descriptor: who a symlink belongs to, where it leads and
// what is opened next cannot be exchanged for something else between two looks. A symlink that is not followed is
// `refused`.
Result<Resolved> resolve_links(const std::string& path, Symlinks symlinks);

// Opens a path on which there is no symlink; ELOOP when there is one.
Result<UniqueFd> open_without_links(const std::string& path, int flags);

}  // namespace tailrace
