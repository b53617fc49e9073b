#include "agent/state_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/log.h"

namespace tailrace {

namespace {

constexpr char kLockName[] = "lock";
constexpr char kAddressName[] = "http.addr", kNewAddressName[] = "http.addr.new";
constexpr std::size_t kSmallFileBytesMax = 4096;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

Result<std::string> read_small(FileSystem& files, int fd) {
  std::string text(kSmallFileBytesMax, '\0');
  const Result<std::size_t> bytes = files.read_at(fd, std::as_writable_bytes(std::span(text)), 0);
  if (!bytes) return bytes.error();
  text.resize(*bytes);
  return text;
}

// Full or read-only: it may heal, and shipping needs none of it.
bool may_heal(const Error& error) {
  return error.kind() == ErrorKind::no_space || error.kind() == ErrorKind::read_only || error.kind() == ErrorKind::io;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value <= 0 || (end != text.data() + text.size() && *end != '\n')) return std::nullopt;
  return value;
}

std::string holder_of(FileSystem& files, int fd) {
  std::ifstream in("/proc/locks");
  std::ostringstream locks;
  locks << in.rdbuf();
  if (const Result<FileStat> stat = files.stat_fd(fd)) {
    if (const auto pid = lock_holder(locks.str(), *stat)) return fmt::format("pid {}", *pid);
  }
  // In another pid namespace, or where /proc is hidden: what the holder wrote, which is its pid there.
  if (const Result<std::string> text = read_small(files, fd)) {
    if (const auto pid = number(*text)) return fmt::format("pid {}", *pid);
  }
  return "another process";
}

Error refusal(const std::string& what, const Error& why) {
  return Error(ErrorKind::bad_input, fmt::format("{}: {}", what, why.text()));
}

// Of state_dir itself: that it cannot be made, opened or used.
Error refused_directory(const std::string& path, const Error& why) {
  if (why.kind() == ErrorKind::not_found) return Error(ErrorKind::bad_input, path + " is no directory");
  if (why.kind() == ErrorKind::permission) return refusal(path + " cannot be made or used", why);
  return why;
}

// Of what lies inside.
bool must_be_mended(const Error& error) {
  return error.kind() == ErrorKind::permission || error.kind() == ErrorKind::bad_input;
}

}  // namespace

AgentUser agent_user() {
  AgentUser agent{.user = geteuid(), .groups = {getegid()}};
  std::array<gid_t, 256> more{};
  const int count = ::getgroups(more.size(), more.data());
  for (int i = 0; i < count; ++i) agent.groups.push_back(more[static_cast<std::size_t>(i)]);
  return agent;
}

Result<std::uint32_t> mode_wanted(const FileStat& directory, const AgentUser& agent) {
  if (directory.owner != 0 && directory.owner != agent.user) {
    return Error(
        ErrorKind::bad_input,
        fmt::format("it belongs to user {}, neither to root nor to user {}, who runs this: whoever owns it could "
                    "make the agent write anywhere",
                    directory.owner, agent.user));
  }
  const bool is_shared = (directory.mode & S_ISVTX) != 0 && (directory.mode & S_IWOTH) != 0;  // like /tmp
  if (directory.owner == agent.user && !is_shared) {
    return directory.mode & ~static_cast<std::uint32_t>(S_IWGRP | S_IWOTH);
  }
  const bool is_own_group = std::find(agent.groups.begin(), agent.groups.end(), directory.group) != agent.groups.end();
  if ((directory.mode & S_IWOTH) != 0 || ((directory.mode & S_IWGRP) != 0 && !is_own_group)) {
    return Error(ErrorKind::bad_input, fmt::format("others may write to it (mode {:04o})", directory.mode));
  }
  return directory.mode;
}

class StateDir::Home final : public StateHome {
 public:
  using StateHome::StateHome;

  Status open_first();
  Status try_lock();
  Status write_address(const std::string& address);
  void remove_address();

  std::string trouble;  // the start's

 protected:
  Status take(int directory) override;
  Status look_at_taken() override;

 private:
  Status make_safe(int directory) const;
  Result<UniqueFd> open_lock(int directory) const;
  Result<bool> lock(int directory, const UniqueFd& file) const;
  Status write_pid(const UniqueFd& file) const;
  Status write_address_in(int directory) const;

  // Under the mutex of StateHome, but for the start, when nobody else is there.
  UniqueFd lock_file_;
  bool is_locked_ = false;
  std::string address_;  // of the HTTP server
};

// Root's own must be safe as well: what anybody may write to is anybody's.
Status StateDir::Home::make_safe(int directory) const {
  const Result<FileStat> stat = files_.stat_fd(directory);
  if (!stat) return Error(stat.error()).during("stat", path_);
  const Result<std::uint32_t> mode = mode_wanted(*stat, agent_user());
  if (!mode) return refusal(path_, mode.error());
  if (*mode == stat->mode) return {};
  const Status changed = files_.set_mode(directory, *mode);
  if (!changed && changed.error().kind() == ErrorKind::read_only) return {};  // nobody writes there
  const Result<FileStat> now = files_.stat_fd(directory);
  if (!changed || !now || now->mode != *mode) {
    return Error(
        ErrorKind::bad_input,
        fmt::format("{}: others may write to it (mode {:04o}), and that cannot be changed", path_, stat->mode));
  }
  log::warn("state_dir {}: others could write to it (mode {:04o}); its mode is {:04o} now", path_, stat->mode, *mode);
  return {};
}

Result<UniqueFd> StateDir::Home::open_lock(int directory) const {
  Result<UniqueFd> file = files_.open_in(directory, kLockName, OpenIn::create);
  if (file) return file;
  const std::string name = path_ + "/" + kLockName;
  if (must_be_mended(file.error())) return refusal(name + " cannot be written", file.error());
  return std::move(file).error().during("open", name);
}

// The lock file where it can be opened at all, and the directory: whoever could not make the file holds that one, and
// both agents then still meet.
Status StateDir::Home::take(int directory) {
  if (Status safe = make_safe(directory); !safe) return safe;
  Result<UniqueFd> file = open_lock(directory);
  if (!file && file.error().kind() == ErrorKind::bad_input) return std::move(file).error();
  if (!is_locked_) {  // the start: it is waited for
    if (!file) {
      trouble = file.error().text();
      file = files_.open_in(directory, kLockName, OpenIn::read);
    }
    if (file) lock_file_ = std::move(*file);
    return {};
  }
  if (!file) return std::move(file).error();
  if (Result<bool> locked = lock(directory, *file); !locked) return std::move(locked).error();
  static_cast<void>(write_pid(*file));  // that a full disk takes none does not matter to the lock
  lock_file_ = std::move(*file);
  log::warn("state_dir {}: the lock is taken anew; checkpoints are written to what the path leads to now", path_);
  if (!address_.empty()) static_cast<void>(write_address_in(directory));  // it only leads `status` here
  return {};
}

Status StateDir::Home::look_at_taken() {
  if (!lock_file_) return {};
  const Result<FileStat> stat = files_.stat_fd(lock_file_.get());
  if (!stat || stat->links > 0) return {};
  return Error(ErrorKind::not_found, path_ + "/" + kLockName + " was removed");
}

Status StateDir::Home::open_first() {
  Result<std::shared_ptr<UniqueFd>> opened = StateHome::open();
  if (opened) return {};
  if (!may_heal(opened.error())) return refused_directory(path_, opened.error());
  // mkdir may say EEXIST, an io error, of something else under that name.
  const Result<FileStat> stat = files_.stat(path_);
  if (stat && stat->type != FileType::directory) return Error(ErrorKind::bad_input, path_ + " is no directory");
  trouble = opened.error().text();
  return {};
}

// False: there is nothing that could be locked.
Result<bool> StateDir::Home::lock(int directory, const UniqueFd& file) const {
  bool is_held = false;
  for (const int fd : {file.get(), directory}) {
    if (fd < 0) continue;
    Status locked = files_.lock(fd);
    if (locked) {
      is_held = true;
    } else if (locked.error().kind() == ErrorKind::fenced) {
      return Error(ErrorKind::fenced, fmt::format("state_dir {} is in use by {}", path_, holder_of(files_, fd)));
    } else if (fd == file.get()) {
      // Not every file system locks directories (NFS); one that locks no file gives no protection at all.
      return std::move(locked).error().during("lock", path_ + "/" + kLockName);
    }
  }
  return is_held;
}

Status StateDir::Home::write_pid(const UniqueFd& file) const {
  if (Status cut = files_.truncate(file.get(), 0); !cut) return cut;
  return files_.write_at(file.get(), bytes_of(fmt::format("{}\n", getpid())), 0);
}

Status StateDir::Home::try_lock() {
  // Also where somebody made it anew while the lock was waited for.
  const Result<std::shared_ptr<UniqueFd>> directory = StateHome::open();
  if (!directory && directory.error().kind() == ErrorKind::bad_input) return directory.error();
  Result<bool> locked = lock(directory ? (*directory)->get() : -1, lock_file_);
  if (!locked) return std::move(locked).error();
  is_locked_ = true;
  if (!*locked && trouble.empty()) trouble = "nothing there can be locked";
  if (!lock_file_ || !trouble.empty()) return {};
  if (Status written = write_pid(lock_file_); !written) trouble = written.error().text();
  return {};
}

Status StateDir::Home::write_address_in(int directory) const {
  static_cast<void>(files_.remove_in(directory, kNewAddressName));
  Result<UniqueFd> file = files_.open_in(directory, kNewAddressName, OpenIn::create_new);
  Status status = file ? files_.write_at(file->get(), bytes_of(address_ + "\n"), 0) : Status(std::move(file).error());
  if (status) status = files_.rename_in(directory, kNewAddressName, kAddressName);
  if (!status) return std::move(status).error().during("write", path_ + "/" + kAddressName);
  return {};
}

Status StateDir::Home::write_address(const std::string& address) {
  address_ = address;
  const std::shared_ptr<UniqueFd> directory = held();
  if (!directory) return Error(ErrorKind::not_found, path_ + " is not there").during("write", kAddressName);
  return write_address_in(directory->get());
}

void StateDir::Home::remove_address() {
  // Left behind it only leads `status` to a refused connection.
  if (const auto directory = held()) static_cast<void>(files_.remove_in(directory->get(), kAddressName));
}

Result<StateDir> StateDir::open(FileSystem& files, std::string path) {
  auto home = std::make_shared<Home>(files, std::move(path));
  if (Status opened = home->open_first(); !opened) return std::move(opened).error();
  return StateDir(std::move(home));
}

Status StateDir::try_lock() { return home_->try_lock(); }

const std::string& StateDir::trouble() const { return home_->trouble; }

const std::string& StateDir::path() const { return home_->path(); }

std::shared_ptr<StateHome> StateDir::home() const { return home_; }

Status StateDir::write_http_address(const std::string& address) { return home_->write_address(address); }

void StateDir::remove_http_address() { home_->remove_address(); }

namespace {

// Whether this process may make names in a directory; read-only is no refusal.
Status may_write(const std::string& directory) {
  if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || errno == EROFS) return {};
  return Error::from_errno(errno);
}

Status check_inside(FileSystem& files, const std::string& path, int directory) {
  const Result<FileStat> stat = files.stat_fd(directory);
  if (!stat) return {};
  if (const Result<std::uint32_t> mode = mode_wanted(*stat, agent_user()); !mode) return refusal(path, mode.error());
  for (const auto& [name, how] : {std::pair{"lock", OpenIn::write}, {"checkpoints", OpenIn::read}}) {
    const Result<UniqueFd> file = files.open_in(directory, name, how);
    if (!file && must_be_mended(file.error())) return refusal(path + "/" + name + " cannot be used", file.error());
    if (file || file.error().kind() != ErrorKind::not_found) continue;
    if (Status writable = may_write(path); !writable && must_be_mended(writable.error())) {
      return refusal(path + " cannot be written", writable.error());
    }
  }
  return {};
}

}  // namespace

Status check_state_dir(FileSystem& files, const std::string& path) {
  const Result<UniqueFd> directory = files.open_directory(path);
  if (directory) return check_inside(files, path, directory->get());
  if (directory.error().kind() == ErrorKind::permission) return refused_directory(path, directory.error());
  if (directory.error().kind() != ErrorKind::not_found) return {};
  // The nearest one that is there: the others are made in it.
  for (std::string above = path; !above.empty();) {
    const Result<FileStat> stat = files.stat(above);
    if (stat && stat->type != FileType::directory) return Error(ErrorKind::bad_input, path + " is no directory");
    if (!stat && stat.error().kind() == ErrorKind::permission) return refused_directory(path, stat.error());
    if (stat || above == "/") {
      Status writable = may_write(above);
      if (!writable && writable.error().kind() == ErrorKind::permission) {
        return refused_directory(path, writable.error());
      }
      return {};
    }
    const std::size_t slash = above.rfind('/');
    above = slash == std::string::npos ? "." : above.substr(0, std::max<std::size_t>(slash, 1));
  }
  return {};
}

Result<std::string> read_http_address(FileSystem& files, const std::string& state_dir) {
  const std::string name = state_dir + "/" + kAddressName;
  Result<UniqueFd> directory = files.open_directory(state_dir);
  if (!directory) return std::move(directory).error().during("open", name);
  Result<UniqueFd> file = files.open_in(directory->get(), kAddressName, OpenIn::read);
  if (!file) return std::move(file).error().during("open", name);
  Result<std::string> text = read_small(files, file->get());
  if (!text) return std::move(text).error().during("read", name);
  std::string address = text->substr(0, text->find('\n'));
  if (address.empty()) return Error(ErrorKind::not_found, name + " is empty");
  return address;
}

std::optional<int> lock_holder(const std::string& proc_locks, const FileStat& file) {
  const std::string wanted = fmt::format("{:02x}:{:02x}:{}", major(file.device), minor(file.device), file.inode);
  std::istringstream lines(proc_locks);
  for (std::string line; std::getline(lines, line);) {
    // "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF"; a waiter's line has "->" after the number.
    std::istringstream fields(line);
    std::string ordinal, kind, advisory, access, pid, id;
    fields >> ordinal >> kind >> advisory >> access >> pid >> id;
    if (kind == "FLOCK" && id == wanted) return number(pid);
  }
  return std::nullopt;
}

}  // namespace tailrace
