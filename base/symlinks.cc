#include "base/symlinks.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

namespace tailrace {
namespace {

constexpr int kLinksMax = 40;  // as the kernel's own

template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int open_one(int at, const std::string& name, int flags) {
  return uninterrupted([&] { return ::openat(at, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC); });
}

// -1 with ENOSYS, EPERM and the like where the kernel, or a filter in front of it, does not have it.
int open_two(const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS;
  return static_cast<int>(
      uninterrupted([&] { return ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how); }));
}

// What openat2 cannot say for sure; everything else is the file system's own answer.
bool is_no_answer(int error) {
  return error == ENOSYS || error == EPERM || error == EINVAL || error == E2BIG || error == EAGAIN;
}

void put_in_front(std::deque<std::string>& names, std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (const std::string_view part = path.substr(at, end - at); !part.empty() && part != ".") parts.emplace_back(part);
    at = end + 1;
  }
  names.insert(names.begin(), parts.begin(), parts.end());
}

// Nothing in it but names: it is its own real path when no symlink is on it.
bool is_plain(std::string_view path) {
  if (!path.starts_with('/') || (path.size() > 1 && path.ends_with('/'))) return false;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

class LinkWalk {
 public:
  LinkWalk(const std::string& path, Symlinks symlinks) : path_(path), symlinks_(symlinks) {
    put_in_front(names_, path);
  }

  Result<Resolved> run() {
    at_ = UniqueFd(uninterrupted([] { return ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
    if (!at_) return Error::from_errno(errno);
    while (!names_.empty()) {
      if (Status stepped = step(); !stepped) return std::move(stepped).error();
    }
    std::string real;
    for (const std::string& name : real_) real.append("/").append(name);
    return Resolved{.fd = std::move(at_), .real_path = real.empty() ? "/" : std::move(real)};
  }

 private:
  // A symlink that was followed, and is judged by what it leads to: that is open when so many names are left.
  struct Followed {
    std::string path;
    uid_t owner;
    std::size_t names_left;
  };

  Status step() {
    const std::string name = std::move(names_.front());
    names_.pop_front();
    // A directory is opened as one, so that what is mounted on demand is mounted.
    int fd = names_.empty() ? -1 : open_one(at_.get(), name, O_PATH | O_DIRECTORY);
    if (fd < 0) fd = open_one(at_.get(), name, O_PATH);
    if (fd < 0) return Error::from_errno(errno);
    UniqueFd next(fd);
    struct stat stat{};
    if (::fstat(next.get(), &stat) != 0) return Error::from_errno(errno);
    if (Status allowed = judge(stat.st_uid); !allowed) return allowed;
    if (S_ISLNK(stat.st_mode)) return follow(next, name, stat.st_uid);
    if (!names_.empty() && !S_ISDIR(stat.st_mode)) return Error::from_errno(ENOTDIR);
    at_ = std::move(next);
    if (name != "..") {
      real_.push_back(name);
    } else if (!real_.empty()) {
      real_.pop_back();
    }
    return {};
  }

  Status judge(uid_t owner_of_target) {
    while (!followed_.empty() && followed_.back().names_left == names_.size()) {
      const Followed& link = followed_.back();
      if (symlinks_ == Symlinks::owner && link.owner != 0 && link.owner != ::geteuid() &&
          link.owner != owner_of_target) {
        return Error(ErrorKind::refused, "the symlink " + link.path + " belongs to user " + std::to_string(link.owner) +
                                             ", what it leads to belongs to user " + std::to_string(owner_of_target) +
                                             " (symlinks = \"owner\")");
      }
      followed_.pop_back();
    }
    return {};
  }

  Status follow(const UniqueFd& link, const std::string& name, uid_t owner) {
    if (symlinks_ == Symlinks::ignore)
      return Error(ErrorKind::refused, path_ + " leads through a symlink (symlinks = \"ignore\")");
    if (++links_ > kLinksMax) return Error::from_errno(ELOOP);
    std::array<char, PATH_MAX> target{};
    const ssize_t bytes = ::readlinkat(link.get(), "", target.data(), target.size());
    if (bytes < 0) return Error::from_errno(errno);
    if (static_cast<std::size_t>(bytes) == target.size()) return Error::from_errno(ENAMETOOLONG);
    const std::string_view to(target.data(), static_cast<std::size_t>(bytes));
    std::string own;
    for (const std::string& part : real_) own.append("/").append(part);
    followed_.push_back({.path = own + "/" + name, .owner = owner, .names_left = names_.size()});
    put_in_front(names_, to);
    if (to.starts_with('/')) {
      at_ = UniqueFd(uninterrupted([] { return ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
      if (!at_) return Error::from_errno(errno);
      real_.clear();
    }
    if (followed_.back().names_left != names_.size()) return {};
    struct stat stat{};  // "/" or ".": it leads to where we are
    if (::fstat(at_.get(), &stat) != 0) return Error::from_errno(errno);
    return judge(stat.st_uid);
  }

  const std::string& path_;
  Symlinks symlinks_;
  UniqueFd at_;
  std::deque<std::string> names_;  // still to go
  std::vector<std::string> real_;
  std::vector<Followed> followed_;
  int links_ = 0;
};

bool has_dac_capability() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return true;  // not known: guarded
  return ((sets[0].effective >> CAP_DAC_OVERRIDE) & 1u) != 0 || ((sets[0].effective >> CAP_DAC_READ_SEARCH) & 1u) != 0;
}

}  // namespace

bool may_read_all() { return ::geteuid() == 0 || has_dac_capability(); }

Result<Resolved> resolve_links(const std::string& path, Symlinks symlinks) {
  if (is_plain(path)) {
    UniqueFd fd(open_two(path, O_PATH));
    if (fd) return Resolved{.fd = std::move(fd), .real_path = path};
    if (errno != ELOOP && !is_no_answer(errno)) return Error::from_errno(errno);
  }
  return LinkWalk(path, symlinks).run();
}

Result<UniqueFd> open_without_links(const std::string& path, int flags) {
  UniqueFd fd(open_two(path, flags));
  if (fd) return fd;
  if (!is_no_answer(errno)) return Error::from_errno(errno);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) return Error::from_errno(EINVAL);
  Result<Resolved> directory = LinkWalk(path.substr(0, slash + 1), Symlinks::ignore).run();
  if (!directory) {
    if (directory.error().kind() == ErrorKind::refused) return Error::from_errno(ELOOP);
    return std::move(directory).error();
  }
  fd = UniqueFd(open_one(directory->fd.get(), path.substr(slash + 1), flags));
  if (!fd) return Error::from_errno(errno);
  return fd;
}

}  // namespace tailrace
