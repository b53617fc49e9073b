// DirectoryWatches: which directories are watched and which must be polled. Loop thread only.
//
// Real paths, without symlinks. A directory is polled when its file system does not notify, when watches run out
// (fs.inotify.max_user_watches), or when the user says so.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "tailers/watcher.h"

namespace tailrace {

class DirectoryWatches {
 public:
  explicit DirectoryWatches(Watcher& watcher) : watcher_(watcher) {}

  enum class Added : std::uint8_t { watched, already, refused };
  // refused: it must be polled; why is logged once.
  Added add(const std::string& directory);
  // A file that is a mount point of its own.
  Added add_file(const std::string& path);
  bool is_watched(const std::string& directory) const { return by_path_.contains(directory); }
  // The directory, or file, of a watch; nullptr once it has gone.
  const std::string* path_of(WatchId watch) const;
  // The directory is gone or was moved: the watch ends.
  void drop(WatchId watch);
  std::size_t size() const { return by_path_.size(); }

 private:
  Added added(const std::string& path, const Result<WatchId>& watch);

  Watcher& watcher_;
  std::unordered_map<std::string, WatchId> by_path_;
  std::unordered_map<WatchId, const std::string*> by_watch_;
};

}  // namespace tailrace
