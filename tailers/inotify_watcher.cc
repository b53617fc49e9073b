#include "tailers/inotify_watcher.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"

namespace tailrace {
namespace {

constexpr std::uint32_t kMask = IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB |
                                IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// A file keeps its watch when it is renamed where it lies: the mount goes with it.
constexpr std::uint32_t kFileMask = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF;
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr int kBuffersPerCall = 16;
constexpr std::size_t kEventBytesMax = sizeof(inotify_event) + 256;  // NAME_MAX and its zero

std::optional<WatchEvent::Kind> kind_of(std::uint32_t mask) {
  if ((mask & IN_MODIFY) != 0) return WatchEvent::Kind::modified;
  if ((mask & IN_CREATE) != 0) return WatchEvent::Kind::appeared;
  if ((mask & IN_MOVED_FROM) != 0) return WatchEvent::Kind::moved_from;
  if ((mask & IN_MOVED_TO) != 0) return WatchEvent::Kind::moved_to;
  if ((mask & IN_DELETE) != 0) return WatchEvent::Kind::removed;
  if ((mask & IN_ATTRIB) != 0) return WatchEvent::Kind::attributes;
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<InotifyWatcher>> InotifyWatcher::create() {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return Error::from_errno(errno).during("inotify_init1", "fs.inotify.max_user_instances");
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return Error::from_errno(errno).during("epoll_create1", "inotify");
  epoll_event wanted{.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &wanted) != 0) {
    return Error::from_errno(errno).during("epoll_ctl", "inotify");
  }
  return std::unique_ptr<InotifyWatcher>(new InotifyWatcher(std::move(fd), std::move(epoll)));
}

InotifyWatcher::InotifyWatcher(UniqueFd fd, UniqueFd epoll)
    : fd_(std::move(fd)), epoll_(std::move(epoll)), buffer_(kBufferBytes) {}

void InotifyWatcher::mute(bool is_muted) {
  epoll_event wanted{.events = is_muted ? 0u : static_cast<std::uint32_t>(EPOLLIN), .data = {}};
  const int failed = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd_.get(), &wanted);
  TR_ASSERT(failed == 0, "epoll_ctl of our own descriptors: errno {}", errno);
}

Result<WatchId> InotifyWatcher::add(const std::string& directory) {
  const int watch = ::inotify_add_watch(fd_.get(), directory.c_str(), kMask);
  if (watch >= 0) {
    watches_.insert(watch);
    return watch;
  }
  if (errno == ENOTDIR) return Error(ErrorKind::bad_input, "watch " + directory + ": not a directory");
  return Error::from_errno(errno).during("watch", directory);
}

Result<WatchId> InotifyWatcher::add_file(const std::string& path) {
  const int watch = ::inotify_add_watch(fd_.get(), path.c_str(), kFileMask);
  if (watch < 0) return Error::from_errno(errno).during("watch", path);
  watches_.insert(watch);
  file_watches_.insert(watch);
  return watch;
}

void InotifyWatcher::remove(WatchId watch) {
  // Fails only when the kernel has ended the watch already and its IN_IGNORED waits.
  file_watches_.erase(watch);
  if (watches_.erase(watch) != 0) ::inotify_rm_watch(fd_.get(), watch);
}

void InotifyWatcher::read_events(const OnEvent& on_event) {
  for (int i = 0; i < kBuffersPerCall; ++i) {
    ssize_t bytes = 0;
    do {
      bytes = ::read(fd_.get(), buffer_.data(), buffer_.size());
    } while (bytes < 0 && errno == EINTR);
    if (bytes <= 0) {
      TR_ASSERT(bytes < 0 && errno == EAGAIN, "read of inotify: {} {}", bytes, std::strerror(errno));
      return;
    }
    dispatch(static_cast<std::size_t>(bytes), on_event);
    // Another event would have found room: the queue was empty.
    if (static_cast<std::size_t>(bytes) + kEventBytesMax <= buffer_.size()) return;
  }
}

void InotifyWatcher::dispatch(std::size_t bytes, const OnEvent& on_event) {
  ++turn_;
  for (std::size_t at = 0; at < bytes;) {
    inotify_event raw;
    std::memcpy(&raw, buffer_.data() + at, sizeof raw);
    const char* name = reinterpret_cast<const char*>(buffer_.data() + at + sizeof raw);
    dispatch_one(raw, std::string_view(name, ::strnlen(name, raw.len)), on_event);
    at += sizeof raw + raw.len;
  }
}

void InotifyWatcher::dispatch_one(const inotify_event& raw, std::string_view name, const OnEvent& on_event) {
  if ((raw.mask & IN_Q_OVERFLOW) != 0) {
    ++turn_;
    return on_event({.kind = WatchEvent::Kind::overflow, .name = {}});
  }
  if (!watches_.contains(raw.wd)) return;  // what was queued before the watch ended
  if ((raw.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) return end_watch(raw.wd, on_event);
  const std::optional<WatchEvent::Kind> kind = kind_of(raw.mask);
  const bool is_of_file = file_watches_.contains(raw.wd);
  // Without a name it is the directory's own attributes.
  if (!kind || (name.empty() && !is_of_file)) return;
  if (*kind == WatchEvent::Kind::modified) {
    if (is_repeated(raw.wd, name)) return;
  } else {
    ++turn_;  // the order against what is not `modified` is kept
  }
  on_event({.kind = *kind,
            .is_directory = (raw.mask & IN_ISDIR) != 0,
            .is_of_file = is_of_file,
            .watch = raw.wd,
            .cookie = raw.cookie,
            .name = name});
}

// A directory that was moved keeps its watch in the kernel, under a path that we do not know: it ends here.
void InotifyWatcher::end_watch(WatchId watch, const OnEvent& on_event) {
  ++turn_;
  remove(watch);
  on_event({.kind = WatchEvent::Kind::directory_gone, .is_directory = true, .watch = watch, .name = {}});
}

// The kernel merges only events that follow each other: two files written in turn would come as a thousand events. All
// those writes lie before whatever the caller reads next, so one event a file says as much.
bool InotifyWatcher::is_repeated(WatchId watch, std::string_view name) {
  const std::size_t hash = std::hash<std::string_view>{}(name) + static_cast<std::size_t>(watch) * 31;
  Seen& slot = seen_[hash % seen_.size()];
  if (slot.turn == turn_ && slot.watch == watch && slot.name == name) return true;
  slot = {.turn = turn_, .watch = watch, .name = name};
  return false;
}

}  // namespace tailrace
