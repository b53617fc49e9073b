// FileSystem: the blocking calls, for the start and for workers. A seam: the simulation has its own disk behind it.
//
// Any thread. The loop thread may call only `stat_fd` (of a file on a local file system: it does not touch the disk).
// Errors carry the errno; the caller adds the verb with Error::during.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/symlinks.h"
#include "base/unique_fd.h"

namespace tailrace {

enum class FileType : std::uint8_t { regular, directory, symlink, fifo, socket, device, other };

struct FileStat {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  FileType type = FileType::other;
  std::uint32_t links = 0;    // 0: deleted, only descriptors hold it
  std::uint64_t size = 0;     // bytes
  std::uint64_t on_disk = 0;  // bytes allocated
  WallTime modified{};
  std::int64_t birth_ns = 0;  // since the epoch; 0 where the file system keeps none (statx(2), STATX_BTIME)
  std::uint32_t owner = 0;    // user id
  std::uint32_t group = 0;
  std::uint32_t mode = 0700;  // permission bits, 07777
  // A mount point of its own: a file is written under another name, in a directory that need not be the one here.
  bool is_mount_point = false;
};

// Where a path leads.
struct Place {
  std::string real_path;  // no symlink left in it
  FileStat stat;
};

struct DirectoryEntry {
  std::string name;
  std::uint64_t inode = 0;
  FileType type = FileType::other;  // `other` where the file system does not say: stat it
};

// Whether inotify hears of every write in a directory. no: network and cluster file systems, FUSE, 9p. An overlay says
// yes: what is done through the overlay itself notifies (see the .cc).
enum class Notifies : std::uint8_t { yes, no };

// How a name in a directory of ours is opened: regular files only, or a directory. create_new: it must not be there.
enum class OpenIn : std::uint8_t { read, write, create, create_new, directory };

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC: neither a FIFO nor a terminal can hold us up.
  virtual Result<UniqueFd> open_read(const std::string& path) = 0;
  // Read and write; `create` makes it with mode 0640 when it is not there.
  virtual Result<UniqueFd> open_write(const std::string& path, bool create) = 0;
  virtual Result<UniqueFd> open_directory(const std::string& path) = 0;

  virtual Result<FileStat> stat(const std::string& path) = 0;  // follows symlinks
  virtual Result<FileStat> stat_no_follow(const std::string& path) = 0;
  virtual Result<FileStat> stat_fd(int fd) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;  // without . and ..
  virtual Result<std::string> real_path(const std::string& path) = 0;                  // no symlink left in it
  // Both at once. `refused`: a symlink on the way is not to be followed.
  virtual Result<Place> resolve(const std::string& path, Symlinks symlinks);
  // As open_read, of a path as `resolve` gives it: ELOOP if there is a symlink on it by now.
  virtual Result<UniqueFd> open_resolved(const std::string& real_path) { return open_read(real_path); }
  // The kernel makes up what is read there, and the size says nothing: procfs, sysfs, tracefs, debugfs and their like.
  virtual Result<bool> is_made_up(int fd) {
    static_cast<void>(fd);
    return false;
  }
  virtual Result<Notifies> notifies(const std::string& directory) = 0;

  // Reads until `into` is full or the end: fewer bytes mean the end of the file.
  virtual Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset) = 0;
  // One past the last byte of [begin, end) that the file system does not know to be zero without reading it: holes, and
  // blocks that were reserved and never written, count as zeros. `begin` when there is none.
  virtual Result<std::uint64_t> data_end(int fd, std::uint64_t begin, std::uint64_t end) {
    static_cast<void>(fd), static_cast<void>(begin);
    return end;
  }
  virtual Status write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) = 0;  // all of it
  virtual Status allocate(int fd, std::uint64_t bytes) = 0;  // preallocates and reads as zeros (fallocate)
  virtual Status truncate(int fd, std::uint64_t bytes) = 0;
  virtual Status sync_data(int fd) = 0;                             // fdatasync
  virtual Status sync_directory(const std::string& directory) = 0;  // makes renames and creations in it durable
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  // Like mkdir -p: the last one with mode 0700, those above it with 0750.
  virtual Status make_directories(const std::string& path) = 0;

  // What lies in a directory of ours, by that directory's descriptor: it is found whatever becomes of the path, and a
  // symlink that has the name is never followed (bad_input, as is what is no regular file).
  virtual Result<UniqueFd> open_in(int directory, const std::string& name, OpenIn how) = 0;
  virtual Status rename_in(int directory, const std::string& from, const std::string& to) = 0;
  virtual Status remove_in(int directory, const std::string& name) = 0;
  // Mode 0700. One that is there already is fine.
  virtual Status make_directory_in(int directory, const std::string& name) = 0;
  virtual Status sync_directory_in(int directory) = 0;
  virtual Status set_mode(int fd, std::uint32_t mode) = 0;
  // flock(LOCK_EX | LOCK_NB); `fenced` when another process holds it.
  virtual Status lock(int fd) = 0;
  // Owns a descriptor that an IoEngine's `open` gave: the simulated disk closes its own.
  virtual UniqueFd adopt(int fd) { return UniqueFd(fd); }
  // Lets the page cache go of [begin, end) of an open file: the part that may wait, for a worker, with a descriptor of
  // its own. Empty: there is nothing to do. On the loop thread; advice, so no error.
  virtual std::function<void()> uncache(int fd, std::uint64_t begin, std::uint64_t end) {
    static_cast<void>(fd), static_cast<void>(begin), static_cast<void>(end);
    return {};
  }
};

class SystemFileSystem final : public FileSystem {
 public:
  Result<UniqueFd> open_read(const std::string& path) override;
  Result<UniqueFd> open_write(const std::string& path, bool create) override;
  Result<UniqueFd> open_directory(const std::string& path) override;
  Result<FileStat> stat(const std::string& path) override;
  Result<FileStat> stat_no_follow(const std::string& path) override;
  Result<FileStat> stat_fd(int fd) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Result<std::string> real_path(const std::string& path) override;
  Result<Place> resolve(const std::string& path, Symlinks symlinks) override;
  Result<UniqueFd> open_resolved(const std::string& real_path) override;
  Result<bool> is_made_up(int fd) override;
  Result<Notifies> notifies(const std::string& directory) override;
  Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset) override;
  Result<std::uint64_t> data_end(int fd, std::uint64_t begin, std::uint64_t end) override;
  Status write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) override;
  Status allocate(int fd, std::uint64_t bytes) override;
  Status truncate(int fd, std::uint64_t bytes) override;
  Status sync_data(int fd) override;
  Status sync_directory(const std::string& directory) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Result<UniqueFd> open_in(int directory, const std::string& name, OpenIn how) override;
  Status rename_in(int directory, const std::string& from, const std::string& to) override;
  Status remove_in(int directory, const std::string& name) override;
  Status make_directory_in(int directory, const std::string& name) override;
  Status sync_directory_in(int directory) override;
  Status set_mode(int fd, std::uint32_t mode) override;
  Status lock(int fd) override;
  std::function<void()> uncache(int fd, std::uint64_t begin, std::uint64_t end) override;
};

}  // namespace tailrace
