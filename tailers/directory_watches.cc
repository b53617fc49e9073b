#include "tailers/directory_watches.h"

#include "base/log.h"

namespace tailrace {

DirectoryWatches::Added DirectoryWatches::add(const std::string& directory) {
  // Asked each time: the kernel names a directory that it watches already by its watch. Had it been removed and made
  // anew, and the event that said so been lost in an overflow, we would think it watched for ever.
  return added(directory, watcher_.add(directory));
}

DirectoryWatches::Added DirectoryWatches::add_file(const std::string& path) {
  return added(path, watcher_.add_file(path));
}

DirectoryWatches::Added DirectoryWatches::added(const std::string& directory, const Result<WatchId>& watch) {
  if (!watch) {
    if (watch.error().kind() == ErrorKind::no_space) {
      log::warn("no inotify watch is left: {} and others are polled; raise fs.inotify.max_user_watches", directory);
    } else if (watch.error().kind() != ErrorKind::not_found) {
      log::warn("{} cannot be watched and is polled: {}", directory, watch.error().text());
    }
    return Added::refused;
  }
  if (const auto known = by_path_.find(directory); known != by_path_.end()) {
    if (known->second == *watch) return Added::already;
    drop(known->second);
  }
  // Under another path it is the watch that we have.
  if (by_watch_.contains(*watch)) return Added::already;
  const auto [entry, is_new] = by_path_.emplace(directory, *watch);
  by_watch_.emplace(*watch, &entry->first);
  return Added::watched;
}

const std::string* DirectoryWatches::path_of(WatchId watch) const {
  const auto found = by_watch_.find(watch);
  return found == by_watch_.end() ? nullptr : found->second;
}

void DirectoryWatches::drop(WatchId watch) {
  const auto found = by_watch_.find(watch);
  if (found == by_watch_.end()) return;
  const std::string path = *found->second;
  by_watch_.erase(found);
  by_path_.erase(path);
  watcher_.remove(watch);
}

}  // namespace tailrace
