// OwnDirectory: the agent's state_dir, which is never tailed, whatever the globs say: each line shipped from it would
// make the next.
//
// Known by device and inode, since it may be met under another path (a bind mount, a symlink). As it is when the object
// is made: one a job. A worker's; blocks.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/file_system.h"

namespace tailrace {

class OwnDirectory {
 public:
  // "" has nothing in it.
  OwnDirectory(FileSystem& files, const std::string& path);

  // Whether this directory, by a path without symlinks, is it or lies in it.
  bool holds(const std::string& real_directory);
  bool is(const FileStat& directory) const { return own_.contains({directory.device, directory.inode}); }

 private:
  void add(const std::string& path, int depth);

  FileSystem& files_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> own_;  // device, inode: of it and the directories in it
  std::unordered_map<std::string, bool> looked_at_;        // by real path
};

}  // namespace tailrace
