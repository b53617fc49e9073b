#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace tailrace {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kDirectoryAboveMode = 0750;

// Magic numbers of <linux/magic.h> that older headers lack (values from the kernel's sources).
constexpr std::uint64_t kCifsMagic = 0xFF534D42;
constexpr std::uint64_t kSmb2Magic = 0xFE534D42;
constexpr std::uint64_t kCephMagic = 0x00C36400;
constexpr std::uint64_t kGfs2Magic = 0x01161970;
constexpr std::uint64_t kOcfs2Magic = 0x7461636F;
constexpr std::uint64_t kLustreMagic = 0x0BD00BD0;
constexpr std::uint64_t kVboxMagic = 0x786F4256;
constexpr std::uint64_t kVirtioFsMagic = 0x6A656A63;
constexpr std::uint64_t kGpfsMagic = 0x47504653;
constexpr std::uint64_t kConfigFsMagic = 0x62656570;
constexpr std::uint64_t kMountRoot = 0x2000;  // STATX_ATTR_MOUNT_ROOT
// No file system may say more, and sums of two still hold in 64 bits.
constexpr std::uint64_t kSizeMax = INT64_MAX;

Error last_error() { return Error::from_errno(errno); }

// Calls again for as long as a signal interrupts it.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

Status status_of(int result) {
  if (result < 0) return last_error();
  return {};
}

FileType type_of_mode(std::uint32_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  if (S_ISFIFO(mode)) return FileType::fifo;
  if (S_ISSOCK(mode)) return FileType::socket;
  if (S_ISBLK(mode) || S_ISCHR(mode)) return FileType::device;
  return FileType::other;
}

FileType type_of_entry(unsigned char d_type) {
  if (d_type == DT_UNKNOWN) return FileType::other;
  return type_of_mode(DTTOIF(d_type));
}

WallTime time_of(const statx_timestamp& t) { return wall_time(t.tv_sec, t.tv_nsec); }

Result<FileStat> stat_with(int fd, const char* path, int flags) {
  struct statx x{};
  constexpr unsigned kWanted = STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID | STATX_NLINK | STATX_INO | STATX_SIZE |
                               STATX_BLOCKS | STATX_MTIME | STATX_BTIME;
  if (uninterrupted([&] { return ::statx(fd, path, flags | AT_STATX_SYNC_AS_STAT, kWanted, &x); }) < 0)
    return last_error();
  FileStat stat;
  stat.device = ::makedev(x.stx_dev_major, x.stx_dev_minor);
  stat.inode = x.stx_ino;
  stat.type = type_of_mode(x.stx_mode);
  stat.links = x.stx_nlink;
  stat.owner = x.stx_uid;
  stat.group = x.stx_gid;
  stat.mode = x.stx_mode & 07777U;
  stat.size = std::min<std::uint64_t>(x.stx_size, kSizeMax);
  stat.on_disk =
      std::min<std::uint64_t>(x.stx_blocks, kSizeMax / 512) * 512;  // in units of 512, whatever the block size
  stat.modified = time_of(x.stx_mtime);
  // A kernel before 5.8 does not say, and such a file is found by the regular scans.
  stat.is_mount_point = (x.stx_attributes & kMountRoot) != 0;
  if ((x.stx_mask & STATX_BTIME) != 0) stat.birth_ns = time_of(x.stx_btime).time_since_epoch().count();
  return stat;
}

Result<UniqueFd> open_with(const std::string& path, int flags) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
  if (fd < 0) return last_error();
  return UniqueFd(fd);
}

int flags_of(OpenIn how) {
  switch (how) {
    case OpenIn::read:
      return O_RDONLY | O_NONBLOCK;
    case OpenIn::write:
      return O_RDWR;
    case OpenIn::create:
      return O_RDWR | O_CREAT;
    case OpenIn::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenIn::directory:
      return O_RDONLY | O_DIRECTORY | O_NONBLOCK;
  }
  return O_RDONLY;
}

// Written on another machine, or by a daemon that the kernel hears nothing of.
bool is_silent(std::uint64_t f_type) {
  switch (f_type) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case kCifsMagic:
    case kSmb2Magic:
    case FUSE_SUPER_MAGIC:
    case V9FS_MAGIC:
    case NCP_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case AFS_FS_MAGIC:
    case CODA_SUPER_MAGIC:
    case kCephMagic:
    case kGfs2Magic:
    case kOcfs2Magic:
    case kLustreMagic:
    case kVboxMagic:
    case kVirtioFsMagic:
    case kGpfsMagic:
      return true;
    default:
      // overlay counts as notifying, see notifies().
      return false;
  }
}

bool is_made_up_fs(std::uint64_t f_type) {
  switch (f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case TRACEFS_MAGIC:
    case DEBUGFS_MAGIC:
    case SECURITYFS_MAGIC:
    case SELINUX_MAGIC:
    case SMACK_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case BPF_FS_MAGIC:
    case kConfigFsMagic:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<Place> FileSystem::resolve(const std::string& path, Symlinks) {
  Result<FileStat> found = stat(path);
  if (!found) return std::move(found).error();
  Result<std::string> real = real_path(path);
  if (!real) return std::move(real).error();
  return Place{.real_path = *std::move(real), .stat = *found};
}

Result<UniqueFd> SystemFileSystem::open_read(const std::string& path) {
  return open_with(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

Result<UniqueFd> SystemFileSystem::open_write(const std::string& path, bool create) {
  return open_with(path, O_RDWR | O_NOCTTY | (create ? O_CREAT : 0));
}

Result<UniqueFd> SystemFileSystem::open_directory(const std::string& path) {
  return open_with(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
}

Result<FileStat> SystemFileSystem::stat(const std::string& path) { return stat_with(AT_FDCWD, path.c_str(), 0); }

Result<FileStat> SystemFileSystem::stat_no_follow(const std::string& path) {
  return stat_with(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
}

Result<FileStat> SystemFileSystem::stat_fd(int fd) { return stat_with(fd, "", AT_EMPTY_PATH); }

Result<std::vector<DirectoryEntry>> SystemFileSystem::list(const std::string& directory) {
  Result<UniqueFd> fd = open_directory(directory);
  if (!fd) return std::move(fd).error();
  struct Closer {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  const std::unique_ptr<DIR, Closer> stream(::fdopendir(fd->get()));
  if (stream == nullptr) return last_error();
  fd->release();  // closedir closes it
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;  // readdir says "end" and "error" alike with nullptr
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return last_error();
    if (entry == nullptr) return entries;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    entries.push_back({.name = std::string(name), .inode = entry->d_ino, .type = type_of_entry(entry->d_type)});
  }
}

Result<std::string> SystemFileSystem::real_path(const std::string& path) {
  struct Freer {
    void operator()(char* p) const { std::free(p); }
  };
  const std::unique_ptr<char, Freer> real(::realpath(path.c_str(), nullptr));
  if (real == nullptr) return last_error();
  return std::string(real.get());
}

Result<Place> SystemFileSystem::resolve(const std::string& path, Symlinks symlinks) {
  static const bool is_guarded = may_read_all();
  if (symlinks == Symlinks::follow || (symlinks == Symlinks::owner && !is_guarded))
    return FileSystem::resolve(path, symlinks);
  Result<Resolved> resolved = resolve_links(path, symlinks);
  if (!resolved) return std::move(resolved).error();
  Result<FileStat> found = stat_fd(resolved->fd.get());
  if (!found) return std::move(found).error();
  return Place{.real_path = std::move(resolved->real_path), .stat = *found};
}

Result<UniqueFd> SystemFileSystem::open_resolved(const std::string& real_path) {
  return open_without_links(real_path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

Result<bool> SystemFileSystem::is_made_up(int fd) {
  struct statfs s{};
  if (uninterrupted([&] { return ::fstatfs(fd, &s); }) < 0) return last_error();
  return is_made_up_fs(static_cast<std::uint32_t>(s.f_type));
}

Result<Notifies> SystemFileSystem::notifies(const std::string& directory) {
  // An overlay notifies of everything that is done through the overlay itself: the watch sits on its directory, a write
  // to a lower-layer file first copies it up and then passes the same directory. Only writes that go around it, into
  // its upper or lower directory from outside, are missed, and the kernel calls those undefined. A container's root is
  // an overlay, with its log written and read through the same mount: polling all of them would cost every container.
  // What such a mount hides from us is still found by the regular rescan.
  struct statfs s{};
  if (uninterrupted([&] { return ::statfs(directory.c_str(), &s); }) < 0) return last_error();
  // f_type is signed on some machines: CIFS's magic would come out negative.
  return is_silent(static_cast<std::uint32_t>(s.f_type)) ? Notifies::no : Notifies::yes;
}

Result<std::size_t> SystemFileSystem::read_at(int fd, std::span<std::byte> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = uninterrupted(
        [&] { return ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done)); });
    if (n < 0) return last_error();
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<std::uint64_t> SystemFileSystem::data_end(int fd, std::uint64_t begin, std::uint64_t end) {
  // A file in many pieces is not worth more calls than reading its zeros would be.
  constexpr int kPiecesMax = 256;
  std::uint64_t known = begin;
  for (int i = 0; i < kPiecesMax && known < end; ++i) {
    const off_t data = uninterrupted([&] { return ::lseek(fd, static_cast<off_t>(known), SEEK_DATA); });
    if (data < 0) return errno == ENXIO ? Result<std::uint64_t>(known) : Result<std::uint64_t>(end);
    if (static_cast<std::uint64_t>(data) >= end) return known;
    const off_t hole = uninterrupted([&] { return ::lseek(fd, data, SEEK_HOLE); });
    if (hole < 0) return end;
    known = std::min(end, static_cast<std::uint64_t>(hole));
  }
  if (known == end) return end;
  const off_t more = uninterrupted([&] { return ::lseek(fd, static_cast<off_t>(known), SEEK_DATA); });
  return more < 0 && errno == ENXIO ? known : end;
}

Status SystemFileSystem::write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < from.size()) {
    const ssize_t n = uninterrupted(
        [&] { return ::pwrite(fd, from.data() + done, from.size() - done, static_cast<off_t>(offset + done)); });
    if (n < 0) return last_error();
    // A regular file never takes 0 of more than 0 bytes; were it to, asking again would spin.
    if (n == 0) return Error::from_errno(EIO);
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Status SystemFileSystem::allocate(int fd, std::uint64_t bytes) {
  const int result = uninterrupted([&] { return ::fallocate(fd, 0, 0, static_cast<off_t>(bytes)); });
  if (result == 0) return {};
  if (errno != EOPNOTSUPP) return last_error();
  // NFS before 4.2, and some others: posix_fallocate writes a byte a block instead. It gives the errno back.
  int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  while (error == EINTR) error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  if (error != 0) return Error::from_errno(error);
  return {};
}

Status SystemFileSystem::truncate(int fd, std::uint64_t bytes) {
  return status_of(uninterrupted([&] { return ::ftruncate(fd, static_cast<off_t>(bytes)); }));
}

Status SystemFileSystem::sync_data(int fd) {
  return status_of(uninterrupted([&] { return ::fdatasync(fd); }));
}

Status SystemFileSystem::sync_directory(const std::string& directory) {
  Result<UniqueFd> fd = open_directory(directory);
  if (!fd) return std::move(fd).error();
  return sync_directory_in(fd->get());
}

Status SystemFileSystem::rename(const std::string& from, const std::string& to) {
  return status_of(uninterrupted([&] { return ::rename(from.c_str(), to.c_str()); }));
}

Status SystemFileSystem::remove(const std::string& path) {
  return status_of(uninterrupted([&] { return ::unlink(path.c_str()); }));
}

Status SystemFileSystem::make_directories(const std::string& path) {
  if (path.empty()) return Error::from_errno(ENOENT);
  std::size_t end = 0;
  while (end < path.size()) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string upto = path.substr(0, end);
    const mode_t mode = end == path.size() ? kDirectoryMode : kDirectoryAboveMode;
    if (::mkdir(upto.c_str(), mode) == 0 || errno == EEXIST) continue;
    // A read-only or foreign parent that is there already is no obstacle (mkdir may say EROFS before EEXIST).
    const int mkdir_errno = errno;
    Result<FileStat> existing = stat(upto);
    if (!existing || existing->type != FileType::directory) return Error::from_errno(mkdir_errno);
  }
  Result<FileStat> made = stat(path);
  if (!made) return std::move(made).error();
  if (made->type != FileType::directory) return Error::from_errno(ENOTDIR);
  return {};
}

Result<UniqueFd> SystemFileSystem::open_in(int directory, const std::string& name, OpenIn how) {
  const int flags = flags_of(how) | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  UniqueFd fd(uninterrupted([&] { return ::openat(directory, name.c_str(), flags, kFileMode); }));
  if (!fd && errno == ELOOP) return Error(ErrorKind::bad_input, "it is a symbolic link, which is not followed");
  if (!fd && errno == ENOTDIR) return Error(ErrorKind::bad_input, "it is no directory");
  if (!fd && errno == EISDIR) return Error(ErrorKind::bad_input, "it is no regular file");
  if (!fd) return last_error();
  if (how == OpenIn::directory) return fd;
  Result<FileStat> stat = stat_fd(fd.get());
  if (!stat) return std::move(stat).error();
  if (stat->type != FileType::regular) return Error(ErrorKind::bad_input, "it is no regular file");
  return fd;
}

Status SystemFileSystem::rename_in(int directory, const std::string& from, const std::string& to) {
  return status_of(uninterrupted([&] { return ::renameat(directory, from.c_str(), directory, to.c_str()); }));
}

Status SystemFileSystem::remove_in(int directory, const std::string& name) {
  return status_of(uninterrupted([&] { return ::unlinkat(directory, name.c_str(), 0); }));
}

Status SystemFileSystem::make_directory_in(int directory, const std::string& name) {
  if (::mkdirat(directory, name.c_str(), kDirectoryMode) == 0 || errno == EEXIST) return {};
  return last_error();
}

Status SystemFileSystem::sync_directory_in(int directory) {
  if (uninterrupted([&] { return ::fsync(directory); }) == 0) return {};
  // Some network file systems refuse to sync a directory: theirs are durable at once or never, nothing more can be
  // done.
  if (errno == EINVAL || errno == EOPNOTSUPP) return {};
  return last_error();
}

Status SystemFileSystem::set_mode(int fd, std::uint32_t mode) {
  return status_of(uninterrupted([&] { return ::fchmod(fd, static_cast<mode_t>(mode)); }));
}

Status SystemFileSystem::lock(int fd) {
  if (uninterrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0) return {};
  if (errno == EWOULDBLOCK) return Error(ErrorKind::fenced, "locked by another process");
  return last_error();
}

std::function<void()> SystemFileSystem::uncache(int fd, std::uint64_t begin, std::uint64_t end) {
  auto own = std::make_shared<UniqueFd>(uninterrupted([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); }));
  if (!*own) return {};
  return [own, begin, end] {
    ::posix_fadvise(own->get(), static_cast<off_t>(begin), static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
    own->reset();
  };
}

}  // namespace tailrace
