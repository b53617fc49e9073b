// SimFileSystem: a whole disk in memory, for tests. It can lose power, fill up, turn read-only and fail call by call.
//
// The fault models stand with what they are about: bytes in sim_content.h, names in sim_tree.h, failing calls and the
// moment at which the machine stops in sim_faults.h. Beside those: `set_capacity` (ENOSPC, after what still fits was
// written), `set_read_only` (EROFS), `set_descriptor_limit` (EMFILE), `set_permitted` (EACCES).
// A deleted file lives while a descriptor holds it. Descriptors begin at 1,000,000 and are never given twice, so one
// that is mixed up with a real one is noticed; closing one that a crash has taken is allowed, using it fails with
// EBADF. Time is what `set_time` said last. Same calls, same disk: nothing here is random but what the test's own
// generator is. What the writer's verbs do is lasting at once, unless `set_writer_syncs(false)`: tests of the agent's
// own state need nothing more. One thread only. Not modelled: access rights but for yes and no, quotas, several file
// systems, paths that are too long, a slash behind a file's name, sizes and link counts of directories.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "tests/sim/sim_content.h"
#include "tests/sim/sim_faults.h"
#include "tests/sim/sim_tree.h"

namespace tailrace {

class SimFileSystem final : public FileSystem, public FdCloser {
 public:
  Result<UniqueFd> open_read(const std::string& path) override;
  Result<UniqueFd> open_write(const std::string& path, bool create) override;
  Result<UniqueFd> open_directory(const std::string& path) override;
  Result<FileStat> stat(const std::string& path) override;
  Result<FileStat> stat_no_follow(const std::string& path) override;
  Result<FileStat> stat_fd(int fd) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Result<std::string> real_path(const std::string& path) override;
  Result<bool> is_made_up(int fd) override;
  Result<Notifies> notifies(const std::string& directory) override;
  Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset) override;
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
  UniqueFd adopt(int fd) override { return UniqueFd(fd, this); }
  void close_fd(int fd) noexcept override;

  // Power loss. Every descriptor is gone, and what was not synced as `mode` says.
  void crash(CrashMode mode, SimRandom& random);
  // What the power loss would leave, beside this one, which does not notice. Of files that `is_of_interest` does not
  // name (by inode) only the names: their bytes are not copied.
  std::unique_ptr<SimFileSystem> after_crash(CrashMode mode, SimRandom& random,
                                             const std::function<bool(std::uint64_t inode)>& is_of_interest) const;
  // kill -9: every descriptor and lock is gone, the disk is as it was.
  void kill_process();

  SimFaults& faults() { return faults_; }
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void set_read_only(bool is_read_only) { is_read_only_ = is_read_only; }
  void set_descriptor_limit(std::size_t limit) { descriptor_limit_ = limit; }
  void set_permitted(const std::string& path, bool is_permitted);
  // A single file that is mounted where it is; a file of procfs.
  void set_mount_point(const std::string& path);
  void set_made_up(const std::string& path);
  void set_notifies(Notifies notifies) { notifies_ = notifies; }
  void set_device(std::uint64_t device) { device_ = device; }  // another number after a reboot
  void set_keeps_birth_times(bool keeps) { keeps_birth_times_ = keeps; }
  void reuse_inodes(bool reuses) { tree_.reuse_inodes(reuses); }  // the lowest free number, as ext4 does
  void set_time(WallTime now) { now_ = now; }
  void set_writer_syncs(bool syncs) { writer_syncs_ = syncs; }
  void sync_all() { tree_.sync_all(); }

  // The writer's verbs. A test that uses them wrongly (no such directory) aborts. Faults and limits do not touch them.
  void make(const std::string& directory);
  void append(const std::string& path, std::string_view bytes);  // creates it
  void write(const std::string& path, std::uint64_t offset, std::string_view bytes);
  // Through a mapping: nobody is told, and the file's times stay as they are. `bytes` lie within the file.
  void write_mapped(const std::string& path, std::uint64_t offset, std::string_view bytes);
  void cut(const std::string& path, std::uint64_t size = 0);  // or grows it by zeros, as ftruncate does
  void move(const std::string& from, const std::string& to);
  void erase(const std::string& path);  // a directory with all that is in it
  void link(const std::string& existing, const std::string& name);
  void symlink(const std::string& target, const std::string& name);
  void make_special(const std::string& path, FileType type);  // fifo, socket, device
  std::string content(const std::string& path);
  bool exists(const std::string& path);
  bool is_directory(const std::string& path);                          // itself, not what a symlink leads to
  bool is_dangling(const std::string& path);                           // a symlink that leads nowhere
  std::vector<std::string> files_under(const std::string& directory);  // regular ones, in the order of names
  // Called after each of the writer's verbs, for a simulated Watcher.
  enum class Verb : std::uint8_t { created, modified, moved, removed, attributes };
  struct Name {
    std::uint64_t directory = 0;  // its inode
    std::string name;
  };
  struct Change {
    Verb verb = Verb::modified;
    Name at;  // where the file is, and not a symlink that the writer went through
    Name to;  // moved
    std::uint64_t inode = 0;
    bool is_directory = false;
    bool is_mount_point = false;
    std::uint64_t replaced = 0;  // moved: the inode that had the name; 0: it was free
  };
  using OnChange = std::function<void(const Change& change)>;
  void on_change(OnChange callback) { on_change_ = std::move(callback); }

  // Called when the agent was told how large a file is, by a stat or by a read that ended there (`is_read`: by the
  // engine, and so not a mere look at its first bytes).
  using OnSeen = std::function<void(std::uint64_t inode, std::uint64_t size, bool is_read)>;
  void on_seen(OnSeen callback) { on_seen_ = std::move(callback); }
  // A name of the file that has this inode; "" when it has none. Of several, the first in the order of names.
  std::vector<std::string> paths_of(std::uint64_t inode) const { return tree_.paths_of(inode); }
  std::uint64_t inode_of(const std::string& path);  // 0: there is no such file; symlinks are followed
  bool is_open(std::uint64_t inode) const;

  // As IoEngine's calls: bytes or descriptor, or -errno. A write may be short.
  std::int64_t engine_open(const char* path);
  std::int64_t engine_read(int fd, std::span<std::byte> into, std::uint64_t offset, bool is_look = false);
  std::int64_t engine_write(int fd, std::span<const std::byte> from, std::uint64_t offset);
  void engine_begin_sync(int fd);
  std::int64_t engine_sync_data(int fd);

  std::size_t open_descriptors() const { return descriptors_.size(); }
  std::vector<std::string> open_paths() const;  // by which they were opened
  std::uint64_t used_bytes() const { return tree_.used_bytes(); }

 private:
  struct Descriptor {
    std::uint64_t inode = 0;
    std::string path;
    bool is_writable = false;
  };
  static constexpr int kFirstDescriptor = 1'000'000;

  Descriptor* descriptor(int fd);
  Result<SimPlace> place_in(SimOp op, int directory, const std::string& name);
  Result<UniqueFd> give_descriptor(SimNode& node, const std::string& path, bool is_writable);
  Status check(SimOp op, const std::string& path);
  // Both check a fault and the descriptor.
  Result<SimNode*> checked(SimOp op, int fd, bool is_for_writing);
  Result<std::size_t> read(int fd, std::span<std::byte> into, std::uint64_t offset, bool is_read);
  FileStat stat_of(const SimNode& node) const;
  std::uint64_t room_left() const;
  std::size_t write_what_fits(SimNode& node, std::span<const std::byte> from, std::uint64_t offset);
  SimPlace place_of(const std::string& path, bool follow_last);  // aborts when there is no such directory
  void created(const SimPlace& place, const SimNode& node);
  void writer_did(const Change& change);

  SimTree tree_;
  SimFaults faults_;
  std::map<int, Descriptor> descriptors_;
  int next_descriptor_ = kFirstDescriptor;
  std::uint64_t capacity_ = UINT64_MAX;
  bool is_read_only_ = false;
  std::size_t descriptor_limit_ = SIZE_MAX;
  Notifies notifies_ = Notifies::yes;
  std::uint64_t device_ = 0x801;
  bool keeps_birth_times_ = true;
  bool writer_syncs_ = true;
  WallTime now_{std::chrono::seconds(1'704'067'200)};
  OnChange on_change_;
  OnSeen on_seen_;
};

}  // namespace tailrace
