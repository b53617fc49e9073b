// SimWatcher: inotify on the simulated disk.
//
// The model: a watched directory's events come in the order in which they happened, each once; a second identical
// `modified` in a row is merged, as the kernel does. The queue holds `queue_max` events; past it everything is lost
// until it is read, and one overflow says so. `set_watch_limit`: fs.inotify.max_user_watches. A removed directory's
// watch ends with directory_gone. Not modelled: IN_ATTRIB of hard links to an unwatched directory.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "tailers/watcher.h"
#include "tests/sim/sim_file_system.h"

namespace tailrace {

class SimWatcher final : public Watcher {
 public:
  explicit SimWatcher(SimFileSystem& disk);  // listens to the writer's verbs from now on
  ~SimWatcher() override;
  SimWatcher(const SimWatcher&) = delete;
  SimWatcher& operator=(const SimWatcher&) = delete;

  Result<WatchId> add(const std::string& directory) override;
  void remove(WatchId watch) override;
  void read_events(const std::function<void(const WatchEvent&)>& on_event) override;
  int fd() const override { return -1; }
  void mute(bool is_muted) override { is_muted_ = is_muted; }

  void set_queue_max(std::size_t events) { queue_max_ = events; }
  void set_watch_limit(std::size_t watches) { watch_limit_ = watches; }
  void hold(bool is_held) { is_held_ = is_held; }  // events gather and are not handed out: late
  void drop_queue() { queue_.clear(); }            // events that never come
  bool has_events() const { return (!queue_.empty() || has_overflown_) && !is_held_; }
  bool is_readable() const { return has_events() && !is_muted_; }

 private:
  struct Queued {
    WatchEvent event;  // its name is not set
    std::string name;
  };
  void changed(SimFileSystem::Verb verb, const std::string& path, const std::string& to);
  void push(WatchEvent::Kind kind, const std::string& path, std::uint32_t cookie, bool is_directory);

  SimFileSystem& disk_;
  std::map<std::string, WatchId> by_path_;
  std::deque<Queued> queue_;
  std::size_t queue_max_ = 16'384, watch_limit_ = SIZE_MAX;
  WatchId next_ = 1;
  std::uint32_t next_cookie_ = 1;
  bool is_held_ = false, has_overflown_ = false, is_muted_ = false;
};

}  // namespace tailrace
