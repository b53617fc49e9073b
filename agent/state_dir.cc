#include "agent/state_dir.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

namespace tailrace {

namespace {

constexpr std::size_t kSmallFileBytesMax = 4096;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

Result<std::string> read_small(FileSystem& files, int fd) {
  std::string text(kSmallFileBytesMax, '\0');
  const Result<std::size_t> bytes = files.read_at(fd, std::as_writable_bytes(std::span(text)), 0);
  if (!bytes) return bytes.error();
  text.resize(*bytes);
  return text;
}

Status write_small(FileSystem& files, int fd, const std::string& text) {
  if (Status cut = files.truncate(fd, 0); !cut) return cut;
  return files.write_at(fd, bytes_of(text), 0);
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

}  // namespace

Result<StateDir> StateDir::open(FileSystem& files, std::string path) {
  StateDir dir(std::move(path));
  if (Status made = files.make_directories(dir.path_); !made) {
    if (made.error().kind() == ErrorKind::permission) {
      return Error(ErrorKind::bad_input, fmt::format("{} cannot be made: {}", dir.path_, made.error().text()));
    }
    if (!may_heal(made.error())) return Error(ErrorKind::bad_input, dir.path_ + " is no directory");
    dir.trouble_ = made.error().text();
    // make_directories may say EEXIST, an io error, of something else under that name.
  }
  const Result<FileStat> stat = files.stat(dir.path_);
  if (stat && stat->type != FileType::directory) return Error(ErrorKind::bad_input, dir.path_ + " is no directory");
  if (Status opened = dir.open_lock(files); !opened) return std::move(opened).error();
  return dir;
}

// The lock file where it can be opened at all, and the directory: whoever could not make the file holds that one, and
// both agents then still meet.
Status StateDir::open_lock(FileSystem& files) {
  const std::string name = path_ + "/lock";
  Result<UniqueFd> file = files.open_write(name, true);
  if (!file && file.error().kind() == ErrorKind::permission) {
    return Error(ErrorKind::bad_input, fmt::format("{} cannot be written: {}", name, file.error().text()));
  }
  if (!file) {
    if (trouble_.empty()) trouble_ = file.error().text();  // that the directory could not be made says more
    file = files.open_read(name);
  }
  if (file) lock_file_ = std::move(*file);
  if (Result<UniqueFd> directory = files.open_directory(path_)) directory_ = std::move(*directory);
  return {};
}

Status StateDir::try_lock(FileSystem& files) {
  bool is_held = false;
  for (const UniqueFd* fd : {&lock_file_, &directory_}) {
    if (!*fd) continue;
    Status locked = files.lock(fd->get());
    if (locked) {
      is_held = true;
    } else if (locked.error().kind() == ErrorKind::fenced) {
      return Error(ErrorKind::fenced, fmt::format("state_dir {} is in use by {}", path_, holder_of(files, fd->get())));
    } else if (fd == &lock_file_) {
      // Not every file system locks directories (NFS); one that locks no file gives no protection at all.
      return std::move(locked).error().during("lock", path_ + "/lock");
    }
  }
  if (!is_held && trouble_.empty()) trouble_ = "nothing there can be locked";
  if (lock_file_ && trouble_.empty()) {
    if (Status written = write_small(files, lock_file_.get(), fmt::format("{}\n", getpid())); !written) {
      trouble_ = written.error().text();
    }
  }
  return {};
}

Status StateDir::write_http_address(FileSystem& files, const std::string& address) {
  const std::string name = path_ + "/http.addr";
  Result<UniqueFd> file = files.open_write(name, true);
  Status status = file ? write_small(files, file->get(), address + "\n") : Status(std::move(file).error());
  if (!status) return std::move(status).error().during("write", name);
  return {};
}

void StateDir::remove_http_address(FileSystem& files) {
  // Left behind it only leads `status` to a refused connection.
  static_cast<void>(!files.remove(path_ + "/http.addr"));
}

Result<std::string> read_http_address(FileSystem& files, const std::string& state_dir) {
  const std::string name = state_dir + "/http.addr";
  Result<UniqueFd> file = files.open_read(name);
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
