// InotifyWatcher: the real Watcher. One inotify instance, one watch a directory.
//
// What the kernel does and callers must know (seen on Linux 6.18 and asserted by the tests):
// - A directory that is added twice, by whatever names, has one WatchId: the second add returns the first one's.
// - A write to an open file that was deleted, or moved out of the directory, is still reported as `modified`, under the
//   last name that the file had in this directory (so IN_EXCL_UNLINK is not set). By then another file may have that
//   name.
// - A removed directory is reported as directory_gone only after the last descriptor of a file that was in it is
//   closed. Until then nothing tells that a new directory has its name, unless the directory above is watched
//   (`removed`, then `appeared`, with is_directory).
// - When a directory above a watched one is renamed, the watched one reports nothing and goes on under its stale path.
// - Identical events that follow each other are one event. At most fs.inotify.max_queued_events wait; then `overflow`.
//
// Loop thread only. Never blocks but for the path lookup of `add`, which may touch the disk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/unique_fd.h"
#include "tailers/watcher.h"

struct inotify_event;  // NOLINT(readability-identifier-naming): the kernel named it

namespace tailrace {

class InotifyWatcher final : public Watcher {
 public:
  // Errors: too_many_files (fs.inotify.max_user_instances, or no descriptor left).
  static Result<std::unique_ptr<InotifyWatcher>> create();

  Result<WatchId> add(const std::string& directory) override;
  Result<WatchId> add_file(const std::string& path) override;
  // Events of `watch` that wait already are dropped. A watch that has ended is ignored.
  void remove(WatchId watch) override;
  // At most 1 MiB of events a call, so that a flood does not hold up the loop; the rest stays readable. `modified`
  // events of one name are handed out once a buffer. `on_event` may add and remove, but not call read_events.
  void read_events(const std::function<void(const WatchEvent&)>& on_event) override;
  // An epoll descriptor around inotify's own: that one can be taken out of it for a while.
  int fd() const override { return epoll_.get(); }
  void mute(bool is_muted) override;

 private:
  using OnEvent = std::function<void(const WatchEvent&)>;
  struct Seen {
    std::uint64_t turn = 0;
    WatchId watch = -1;
    std::string_view name;
  };

  InotifyWatcher(UniqueFd fd, UniqueFd epoll);
  void dispatch(std::size_t bytes, const OnEvent& on_event);
  void dispatch_one(const ::inotify_event& raw, std::string_view name, const OnEvent& on_event);
  void end_watch(WatchId watch, const OnEvent& on_event);
  bool is_repeated(WatchId watch, std::string_view name);

  UniqueFd fd_;
  UniqueFd epoll_;
  std::unordered_set<WatchId> watches_;
  std::unordered_set<WatchId> file_watches_;  // among these
  std::vector<std::byte> buffer_;
  std::array<Seen, 256> seen_;  // `modified` events of this turn, by hash; a collision only costs a repeated event
  std::uint64_t turn_ = 0;      // moves on with each buffer and with each event that is not `modified`
};

}  // namespace tailrace
