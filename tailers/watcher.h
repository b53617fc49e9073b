// Watcher: says which names changed in which directories. A seam: inotify, simulated.
//
// Loop thread only. Directories are watched, not files, but for files that are mount points: what is done to those is
// told to the directory that they lie in, which is not the one that they are seen in. After an overflow, or for a
// directory that has no watch, names must be looked up again by a scan: nothing here is a promise that an event comes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace tailrace {

using WatchId = std::int32_t;

struct WatchEvent {
  enum class Kind : std::uint8_t {
    modified,    // bytes were written to, or cut from, `name`
    appeared,    // created or linked
    moved_from,  // `cookie` pairs it with a moved_to, perhaps in another directory, perhaps never
    moved_to,
    removed,
    attributes,      // permissions, link count
    directory_gone,  // the watched directory itself was removed or moved away; the watch has ended
    overflow,        // events were lost: scan everything again
  };
  Kind kind = Kind::modified;
  bool is_directory = false;
  bool is_of_file = false;  // of a watch that add_file made: it has no name
  WatchId watch = -1;
  std::uint32_t cookie = 0;
  std::string_view name;  // valid during the call
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  // Errors: no_space (fs.inotify.max_user_watches), not_found, permission, bad_input (not a directory).
  virtual Result<WatchId> add(const std::string& directory) = 0;
  // A file by itself: `modified` and `attributes` of it, by whatever name they are made.
  virtual Result<WatchId> add_file(const std::string& path) = 0;
  virtual void remove(WatchId watch) = 0;
  // Calls `on_event` for what is queued, in order. Level triggered: what is left stays readable.
  virtual void read_events(const std::function<void(const WatchEvent&)>& on_event) = 0;
  virtual int fd() const = 0;
  // While muted fd() is not readable, events gather, and read_events works as ever: a busy directory then wakes the
  // loop at the reader's pace and not at the writers'.
  virtual void mute(bool is_muted) { static_cast<void>(is_muted); }
};

}  // namespace tailrace
