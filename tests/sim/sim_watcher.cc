#include "tests/sim/sim_watcher.h"

namespace tailrace {

using Kind = WatchEvent::Kind;

SimWatcher::SimWatcher(SimFileSystem& disk) : disk_(disk) {
  disk_.on_change(
      [this](SimFileSystem::Verb verb, const std::string& path, const std::string& to) { changed(verb, path, to); });
}

SimWatcher::~SimWatcher() { disk_.on_change({}); }

Result<WatchId> SimWatcher::add(const std::string& directory) {
  const Result<FileStat> stat = disk_.stat(directory);
  if (!stat) return Error(stat.error());
  if (stat->type != FileType::directory) return Error(ErrorKind::bad_input, directory + ": not a directory");
  if (const auto known = by_path_.find(directory); known != by_path_.end()) return known->second;
  if (by_path_.size() >= watch_limit_) return Error(ErrorKind::no_space, "no watch is left");
  by_path_[directory] = next_;
  return next_++;
}

void SimWatcher::remove(WatchId watch) {
  std::erase_if(by_path_, [watch](const auto& entry) { return entry.second == watch; });
}

void SimWatcher::read_events(const std::function<void(const WatchEvent&)>& on_event) {
  if (is_held_) return;
  if (has_overflown_) {
    has_overflown_ = false;
    on_event({.kind = Kind::overflow});
  }
  std::deque<Queued> queue;
  queue.swap(queue_);
  for (Queued& queued : queue) {
    queued.event.name = queued.name;
    on_event(queued.event);
  }
}

void SimWatcher::changed(SimFileSystem::Verb verb, const std::string& path, const std::string& to) {
  using Verb = SimFileSystem::Verb;
  const bool is_directory = disk_.is_directory(verb == Verb::moved ? to : path);
  switch (verb) {
    case Verb::created:
      push(Kind::appeared, path, 0, is_directory);
      break;
    case Verb::modified:
      push(Kind::modified, path, 0, is_directory);
      break;
    case Verb::attributes:
      push(Kind::attributes, path, 0, is_directory);
      break;
    case Verb::moved:
      push(Kind::moved_from, path, next_cookie_, is_directory);
      push(Kind::moved_to, to, next_cookie_, is_directory);
      ++next_cookie_;
      break;
    case Verb::removed:
      if (const auto watched = by_path_.find(path); watched != by_path_.end()) {
        queue_.push_back({.event = {.kind = Kind::directory_gone, .watch = watched->second}, .name = ""});
        by_path_.erase(watched);
      }
      push(Kind::removed, path, 0, is_directory);
      break;
  }
}

void SimWatcher::push(Kind kind, const std::string& path, std::uint32_t cookie, bool is_directory) {
  const std::size_t slash = path.rfind('/');
  const auto watched = by_path_.find(slash == 0 ? "/" : path.substr(0, slash));
  if (watched == by_path_.end()) return;
  if (queue_.size() >= queue_max_) {
    has_overflown_ = true;
    return;
  }
  std::string name = path.substr(slash + 1);
  if (!queue_.empty() && kind == Kind::modified && queue_.back().event.kind == kind &&
      queue_.back().event.watch == watched->second && queue_.back().name == name) {
    return;
  }
  queue_.push_back({.event = {.kind = kind, .is_directory = is_directory, .watch = watched->second, .cookie = cookie},
                    .name = std::move(name)});
}

}  // namespace tailrace
