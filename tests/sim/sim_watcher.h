// SimWatcher: inotify on the simulated disk.
//
// The model: a watched directory is its inode, by whatever path it was added, and its events come in the order in which
// they happened, each once; a second identical `modified` in a row is merged, as the kernel does. The queue holds
// `queue_max` events; past it everything is lost until it is read, and one overflow behind what had room says so.
// `set_watch_limit`: fs.inotify.max_user_watches. A watch ends with directory_gone when its directory is removed or
// moved; it goes on when one above it is moved. `hold` makes events late, `drop_queue` loses them without an overflow.
// Not modelled: what the agent's own calls change, writes to a file that has no name any more, and a removed directory
// that is told of only when the last file that was in it is closed.
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
  Result<WatchId> add_file(const std::string& path) override;
  void remove(WatchId watch) override;
  void read_events(const std::function<void(const WatchEvent&)>& on_event) override;
  int fd() const override { return -1; }
  void mute(bool is_muted) override { is_muted_ = is_muted; }

  void set_queue_max(std::size_t events) { queue_max_ = events; }
  void set_watch_limit(std::size_t watches) { watch_limit_ = watches; }
  void hold(bool is_held) { is_held_ = is_held; }  // events gather and are not handed out: late
  void drop_queue() { queue_.clear(); }            // events that never come
  // A change in the directory that has this inode would be told of at once, with so many events.
  bool would_tell(std::uint64_t directory, std::size_t events) const {
    return watches_.contains(directory) && !is_held_ && queue_.size() + events <= queue_max_;
  }
  bool has_events() const { return (!queue_.empty() || has_overflown_) && !is_held_; }
  bool is_readable() const { return has_events() && !is_muted_; }

 private:
  struct Queued {
    WatchEvent event;  // its name is not set
    std::string name;
  };
  void changed(const SimFileSystem::Change& change);
  void push(WatchEvent::Kind kind, const SimFileSystem::Name& name, std::uint32_t cookie, bool is_directory);
  void push_of_file(std::uint64_t inode);
  void end_watch(std::uint64_t inode);  // when there is one

  SimFileSystem& disk_;
  std::map<std::uint64_t, WatchId> watches_;  // by the inode of a directory, or of a file that is a mount point
  std::deque<Queued> queue_;
  std::deque<Queued> read_;  // what read_events is handing out
  std::size_t queue_max_ = 16'384, watch_limit_ = SIZE_MAX;
  WatchId next_ = 1;
  std::uint32_t next_cookie_ = 1;
  bool is_held_ = false, has_overflown_ = false, is_muted_ = false;
};

}  // namespace tailrace
