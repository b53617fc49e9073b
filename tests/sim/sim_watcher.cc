#include "tests/sim/sim_watcher.h"

#include <utility>

namespace tailrace {

using Kind = WatchEvent::Kind;

SimWatcher::SimWatcher(SimFileSystem& disk) : disk_(disk) {
  disk_.on_change([this](const SimFileSystem::Change& change) { changed(change); });
}

SimWatcher::~SimWatcher() { disk_.on_change({}); }

Result<WatchId> SimWatcher::add(const std::string& directory) {
  const Result<FileStat> stat = disk_.stat(directory);
  if (!stat) return Error(stat.error());
  if (stat->type != FileType::directory) return Error(ErrorKind::bad_input, directory + ": not a directory");
  if (const auto known = watches_.find(stat->inode); known != watches_.end()) return known->second;
  if (watches_.size() >= watch_limit_) return Error(ErrorKind::no_space, "no watch is left");
  watches_[stat->inode] = next_;
  return next_++;
}

Result<WatchId> SimWatcher::add_file(const std::string& path) {
  const Result<FileStat> stat = disk_.stat(path);
  if (!stat) return Error(stat.error());
  if (const auto known = watches_.find(stat->inode); known != watches_.end()) return known->second;
  if (watches_.size() >= watch_limit_) return Error(ErrorKind::no_space, "no watch is left");
  watches_[stat->inode] = next_;
  return next_++;
}

void SimWatcher::remove(WatchId watch) {
  std::erase_if(watches_, [watch](const auto& entry) { return entry.second == watch; });
  for (std::deque<Queued>* queue : {&queue_, &read_}) {
    std::erase_if(*queue, [watch](const Queued& queued) { return queued.event.watch == watch; });
  }
}

void SimWatcher::read_events(const std::function<void(const WatchEvent&)>& on_event) {
  if (is_held_) return;
  read_.swap(queue_);
  if (std::exchange(has_overflown_, false)) read_.push_back({.event = {.kind = Kind::overflow}, .name = ""});
  while (!read_.empty()) {
    Queued queued = std::move(read_.front());
    read_.pop_front();
    queued.event.name = queued.name;
    on_event(queued.event);
  }
}

void SimWatcher::changed(const SimFileSystem::Change& change) {
  using Verb = SimFileSystem::Verb;
  switch (change.verb) {
    case Verb::created:
      push(Kind::appeared, change.at, 0, change.is_directory);
      break;
    case Verb::modified:
      // A mount point is written to where it comes from: this directory does not hear of it.
      if (change.is_mount_point) {
        push_of_file(change.inode);
      } else {
        push(Kind::modified, change.at, 0, change.is_directory);
      }
      break;
    case Verb::attributes:
      push(Kind::attributes, change.at, 0, change.is_directory);
      break;
    case Verb::moved:
      push(Kind::moved_from, change.at, next_cookie_, change.is_directory);
      push(Kind::moved_to, change.to, next_cookie_, change.is_directory);
      ++next_cookie_;
      end_watch(change.inode);
      end_watch(change.replaced);
      break;
    case Verb::removed:
      end_watch(change.inode);
      push(Kind::removed, change.at, 0, change.is_directory);
      break;
  }
}

void SimWatcher::push_of_file(std::uint64_t inode) {
  const auto watched = watches_.find(inode);
  if (watched == watches_.end()) return;
  queue_.push_back({.event = {.kind = Kind::modified, .is_of_file = true, .watch = watched->second}, .name = ""});
}

void SimWatcher::end_watch(std::uint64_t inode) {
  const auto watched = watches_.find(inode);
  if (watched == watches_.end()) return;
  queue_.push_back(
      {.event = {.kind = Kind::directory_gone, .is_directory = true, .watch = watched->second}, .name = ""});
  watches_.erase(watched);
}

void SimWatcher::push(Kind kind, const SimFileSystem::Name& name, std::uint32_t cookie, bool is_directory) {
  const auto watched = watches_.find(name.directory);
  if (watched == watches_.end()) return;
  if (queue_.size() >= queue_max_) {
    has_overflown_ = true;
    return;
  }
  if (!queue_.empty() && kind == Kind::modified && queue_.back().event.kind == kind &&
      queue_.back().event.watch == watched->second && queue_.back().name == name.name) {
    return;
  }
  queue_.push_back({.event = {.kind = kind, .is_directory = is_directory, .watch = watched->second, .cookie = cookie},
                    .name = name.name});
}

}  // namespace tailrace
