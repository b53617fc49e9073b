// SimTree: the simulated disk's directories, inodes and names, and which of the names would survive a power loss.
//
// The fault model for names: a change of a directory (create, link, rename, remove) is whole or not there at all, and
// is lasting once its directory was synced; syncing the file itself says nothing about its name. What was not synced
// survives a crash as a prefix, as on a journaling file system: of two changes the later one never without the earlier.
// A rename between two directories is lasting when either was synced.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"
#include "tests/sim/sim_content.h"

namespace tailrace {

struct SimNode {
  std::uint64_t inode = 0;
  FileType type = FileType::regular;
  std::uint32_t links = 0;
  std::uint32_t opens = 0;
  WallTime modified{};
  std::int64_t birth_ns = 0;
  bool is_permitted = true;
  bool is_mount_point = false;
  bool is_made_up = false;                       // procfs and the like
  int locked_by = -1;                            // a descriptor
  SimContent content;                            // regular
  std::map<std::string, std::uint64_t> entries;  // directory
  std::string target;                            // symlink
};

// Where a path leads.
struct SimPlace {
  std::uint64_t directory = 0;
  std::string name;         // in `directory`; empty for the root
  SimNode* node = nullptr;  // nullptr: the name is free
  std::string real_path;
};

class SimTree {
 public:
  SimTree();

  Result<SimPlace> walk(const std::string& path, bool follow_last);
  Result<SimNode*> find(const std::string& path, bool follow_last);  // not_found when the name is free
  SimNode& node(std::uint64_t inode) { return nodes_.at(inode); }
  std::vector<std::string> paths_of(std::uint64_t inode) const;  // empty when it has no name

  SimNode& create(const SimPlace& place, FileType type, WallTime now);
  void link(const SimPlace& place, SimNode& node);
  void unlink(const SimPlace& place);
  void rename(const SimPlace& from, const SimPlace& to);
  void sync_directory(std::uint64_t inode);
  void sync_all();

  // Undoes what was not synced, as `mode` says; every file loses what SimContent says. Nothing is open after it.
  void crash(CrashMode mode, SimRandom& random);
  // Itself, but the bytes of files that `is_of_interest` does not name.
  SimTree copy(const std::function<bool(std::uint64_t inode)>& is_of_interest) const;
  void opened(SimNode& node);
  void closed(SimNode& node);  // may free it

  void reuse_inodes(bool reuses) { reuses_inodes_ = reuses; }
  std::uint64_t used_bytes() const;
  static constexpr std::uint64_t kRoot = 2;

 private:
  struct Change {
    std::uint64_t directory;
    std::string name;
    std::uint64_t before;  // 0: it was free
  };
  using Op = std::vector<Change>;

  void set_entry(std::uint64_t directory, const std::string& name, std::uint64_t inode);  // 0 frees the name
  std::uint64_t entry(std::uint64_t directory, const std::string& name) const;
  Change change_of(const SimPlace& place) const;
  void recount_links();
  void collect();  // frees what has neither a name nor a descriptor, and cannot get its name back by a crash

  std::map<std::uint64_t, SimNode> nodes_;
  std::vector<Op> unsynced_;
  std::uint64_t next_inode_ = kRoot + 1;
  bool reuses_inodes_ = false;
  bool may_have_garbage_ = false;
};

}  // namespace tailrace
