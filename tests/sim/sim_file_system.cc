#include "tests/sim/sim_file_system.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tailrace {
namespace {

bool changes_the_disk(SimOp op) { return is_step(op) && op != SimOp::sync_data && op != SimOp::sync_directory; }

std::int64_t errno_of(const Error& error) { return -std::int64_t{error.sys_errno()}; }

// rename(2)'s errno for what it does not do; 0: it does it.
int refuses_rename(const SimPlace& from, const SimPlace& to) {
  if (from.node == to.node) return 0;
  const bool is_directory = from.node->type == FileType::directory;
  if (is_directory && to.real_path.starts_with(from.real_path + "/")) return EINVAL;
  if (to.node == nullptr) return 0;
  if (to.node->type != FileType::directory) return is_directory ? ENOTDIR : 0;
  if (!is_directory) return EISDIR;
  return to.node->entries.empty() ? 0 : ENOTEMPTY;
}

}  // namespace

Result<UniqueFd> SimFileSystem::open_read(const std::string& path) {
  if (Status ok = check(SimOp::open_read, path); !ok) return std::move(ok).error();
  Result<SimNode*> node = tree_.find(path, true);
  if (!node) return std::move(node).error();
  if (!(*node)->is_permitted) return Error::from_errno(EACCES);
  return give_descriptor(**node, path, false);
}

Result<UniqueFd> SimFileSystem::open_write(const std::string& path, bool create) {
  if (Status ok = check(SimOp::open_write, path); !ok) return std::move(ok).error();
  Result<SimPlace> place = tree_.walk(path, true);
  if (!place) return std::move(place).error();
  if (place->node == nullptr && !create) return Error::from_errno(ENOENT);
  if (place->node != nullptr && place->node->type == FileType::directory) return Error::from_errno(EISDIR);
  if (place->node != nullptr && !place->node->is_permitted) return Error::from_errno(EACCES);
  if (descriptors_.size() >= descriptor_limit_) return Error::from_errno(EMFILE);
  SimNode& node = place->node != nullptr ? *place->node : tree_.create(*place, FileType::regular, now_);
  return give_descriptor(node, path, true);
}

Result<UniqueFd> SimFileSystem::open_directory(const std::string& path) {
  if (Status ok = check(SimOp::open_directory, path); !ok) return std::move(ok).error();
  Result<SimNode*> node = tree_.find(path, true);
  if (!node) return std::move(node).error();
  if ((*node)->type != FileType::directory) return Error::from_errno(ENOTDIR);
  return give_descriptor(**node, path, false);
}

Result<FileStat> SimFileSystem::stat(const std::string& path) {
  if (Status ok = check(SimOp::stat, path); !ok) return std::move(ok).error();
  Result<SimNode*> node = tree_.find(path, true);
  if (!node) return std::move(node).error();
  return stat_of(**node);
}

Result<FileStat> SimFileSystem::stat_no_follow(const std::string& path) {
  if (Status ok = check(SimOp::stat, path); !ok) return std::move(ok).error();
  Result<SimNode*> node = tree_.find(path, false);
  if (!node) return std::move(node).error();
  return stat_of(**node);
}

Result<FileStat> SimFileSystem::stat_fd(int fd) {
  Result<SimNode*> node = checked(SimOp::stat, fd, false);
  if (!node) return std::move(node).error();
  return stat_of(**node);
}

Result<std::vector<DirectoryEntry>> SimFileSystem::list(const std::string& directory) {
  if (Status ok = check(SimOp::list, directory); !ok) return std::move(ok).error();
  Result<SimNode*> node = tree_.find(directory, true);
  if (!node) return std::move(node).error();
  if ((*node)->type != FileType::directory) return Error::from_errno(ENOTDIR);
  if (!(*node)->is_permitted) return Error::from_errno(EACCES);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, inode] : (*node)->entries) entries.push_back({name, inode, tree_.node(inode).type});
  return entries;
}

Result<std::string> SimFileSystem::real_path(const std::string& path) {
  if (Status ok = check(SimOp::stat, path); !ok) return std::move(ok).error();
  Result<SimPlace> place = tree_.walk(path, true);
  if (!place) return std::move(place).error();
  if (place->node == nullptr) return Error::from_errno(ENOENT);
  return place->real_path;
}

Result<bool> SimFileSystem::is_made_up(int fd) {
  const Descriptor* d = descriptor(fd);
  return d != nullptr && tree_.node(d->inode).is_made_up;
}

Result<Notifies> SimFileSystem::notifies(const std::string& directory) {
  Result<SimNode*> node = tree_.find(directory, true);
  if (!node) return std::move(node).error();
  return notifies_;
}

Result<std::size_t> SimFileSystem::read_at(int fd, std::span<std::byte> into, std::uint64_t offset) {
  return read(fd, into, offset, false);
}

Result<std::size_t> SimFileSystem::read(int fd, std::span<std::byte> into, std::uint64_t offset, bool is_read) {
  Result<SimNode*> node = checked(SimOp::read, fd, false);
  if (!node) return std::move(node).error();
  if ((*node)->type == FileType::directory) return Error::from_errno(EISDIR);
  const std::size_t got = (*node)->content.read(into, offset);
  if (on_seen_ && got > 0) on_seen_((*node)->inode, offset + got, is_read);
  return got;
}

Status SimFileSystem::write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  Result<SimNode*> node = checked(SimOp::write, fd, true);
  if (!node) return std::move(node).error();
  if (write_what_fits(**node, from, offset) < from.size()) return Error::from_errno(ENOSPC);
  return {};
}

Status SimFileSystem::allocate(int fd, std::uint64_t bytes) {
  Result<SimNode*> node = checked(SimOp::allocate, fd, true);
  if (!node) return std::move(node).error();
  SimContent& content = (*node)->content;
  if (bytes <= content.size()) return {};
  if (bytes - content.size() > room_left()) return Error::from_errno(ENOSPC);
  content.resize(bytes);
  return {};
}

Status SimFileSystem::truncate(int fd, std::uint64_t bytes) {
  const Descriptor* d = descriptor(fd);
  if (d != nullptr && !d->is_writable) return Error::from_errno(EINVAL);  // ftruncate(2): not EBADF
  Result<SimNode*> node = checked(SimOp::truncate, fd, true);
  if (!node) return std::move(node).error();
  (*node)->content.resize(bytes);
  (*node)->modified = now_;
  return {};
}

Status SimFileSystem::sync_data(int fd) {
  Descriptor* d = descriptor(fd);
  Result<SimNode*> node = checked(SimOp::sync_data, fd, false);
  if (node) {
    (*node)->content.sync();
    return {};
  }
  // Not when the machine has stopped: then the sync was never asked for.
  if (d != nullptr && !faults_.is_stopped()) tree_.node(d->inode).content.fail_sync();
  return std::move(node).error();
}

Status SimFileSystem::sync_directory(const std::string& directory) {
  if (Status ok = check(SimOp::sync_directory, directory); !ok) return ok;
  Result<SimNode*> node = tree_.find(directory, true);
  if (!node) return std::move(node).error();
  if ((*node)->type != FileType::directory) return Error::from_errno(ENOTDIR);
  tree_.sync_directory((*node)->inode);
  return {};
}

Status SimFileSystem::rename(const std::string& from, const std::string& to) {
  if (Status ok = check(SimOp::rename, from); !ok) return ok;
  Result<SimPlace> source = tree_.walk(from, false);
  if (!source) return std::move(source).error();
  if (source->node == nullptr) return Error::from_errno(ENOENT);
  Result<SimPlace> target = tree_.walk(to, false);
  if (!target) return std::move(target).error();
  if (const int refused = refuses_rename(*source, *target); refused != 0) return Error::from_errno(refused);
  tree_.rename(*source, *target);
  return {};
}

Status SimFileSystem::remove(const std::string& path) {
  if (Status ok = check(SimOp::remove, path); !ok) return ok;
  Result<SimPlace> place = tree_.walk(path, false);
  if (!place) return std::move(place).error();
  if (place->node == nullptr) return Error::from_errno(ENOENT);
  if (place->node->type == FileType::directory) return Error::from_errno(EISDIR);
  tree_.unlink(*place);
  return {};
}

Status SimFileSystem::make_directories(const std::string& path) {
  if (Status ok = check(SimOp::make_directories, path); !ok) return ok;
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    Result<SimPlace> place = tree_.walk(path.substr(0, end), true);
    if (!place) return std::move(place).error();
    if (place->node == nullptr) {
      tree_.create(*place, FileType::directory, now_);
    } else if (place->node->type != FileType::directory) {
      return Error::from_errno(ENOTDIR);
    }
    if (end == std::string::npos) return {};
  }
}

// Faults see the path by which the directory was opened, though the name is found wherever that is now.
Result<SimPlace> SimFileSystem::place_in(SimOp op, int directory, const std::string& name) {
  const Descriptor* d = descriptor(directory);
  if (d == nullptr) return Error::from_errno(EBADF);
  const std::string path = d->path + "/" + name;
  if (Status ok = check(op, path); !ok) return std::move(ok).error();
  const SimNode& node = tree_.node(d->inode);
  if (node.type != FileType::directory) return Error::from_errno(ENOTDIR);
  const auto found = node.entries.find(name);
  SimPlace place{d->inode, name, nullptr, path};
  if (found != node.entries.end()) place.node = &tree_.node(found->second);
  return place;
}

Result<UniqueFd> SimFileSystem::open_in(int directory, const std::string& name, OpenIn how) {
  const bool is_for_writing = how != OpenIn::read && how != OpenIn::directory;
  const bool creates = how == OpenIn::create || how == OpenIn::create_new;
  const SimOp op = is_for_writing             ? SimOp::open_write
                   : how == OpenIn::directory ? SimOp::open_directory
                                              : SimOp::open_read;
  Result<SimPlace> place = place_in(op, directory, name);
  if (!place) return std::move(place).error();
  if (place->node == nullptr && (!creates || tree_.node(place->directory).links == 0)) return Error::from_errno(ENOENT);
  if (place->node != nullptr && how == OpenIn::create_new) return Error::from_errno(EEXIST);
  const FileType wanted = how == OpenIn::directory ? FileType::directory : FileType::regular;
  if (place->node != nullptr && place->node->type != wanted) return Error(ErrorKind::bad_input, "of another type");
  if (place->node != nullptr && !place->node->is_permitted) return Error::from_errno(EACCES);
  if (descriptors_.size() >= descriptor_limit_) return Error::from_errno(EMFILE);
  SimNode& node = place->node != nullptr ? *place->node : tree_.create(*place, FileType::regular, now_);
  return give_descriptor(node, place->real_path, is_for_writing);
}

Status SimFileSystem::rename_in(int directory, const std::string& from, const std::string& to) {
  Result<SimPlace> source = place_in(SimOp::rename, directory, from);
  if (!source) return std::move(source).error();
  if (source->node == nullptr) return Error::from_errno(ENOENT);
  SimPlace target = *source;
  target.name = to;
  const auto& entries = tree_.node(source->directory).entries;
  const auto replaced = entries.find(to);
  target.node = replaced == entries.end() ? nullptr : &tree_.node(replaced->second);
  if (const int refused = refuses_rename(*source, target); refused != 0) return Error::from_errno(refused);
  tree_.rename(*source, target);
  return {};
}

Status SimFileSystem::remove_in(int directory, const std::string& name) {
  Result<SimPlace> place = place_in(SimOp::remove, directory, name);
  if (!place) return std::move(place).error();
  if (place->node == nullptr) return Error::from_errno(ENOENT);
  if (place->node->type == FileType::directory) return Error::from_errno(EISDIR);
  tree_.unlink(*place);
  return {};
}

Status SimFileSystem::make_directory_in(int directory, const std::string& name) {
  Result<SimPlace> place = place_in(SimOp::make_directories, directory, name);
  if (!place) return std::move(place).error();
  if (place->node != nullptr) return {};
  if (tree_.node(place->directory).links == 0) return Error::from_errno(ENOENT);
  tree_.create(*place, FileType::directory, now_);
  return {};
}

Status SimFileSystem::sync_directory_in(int directory) {
  Result<SimNode*> node = checked(SimOp::sync_directory, directory, false);
  if (!node) return std::move(node).error();
  if ((*node)->type != FileType::directory) return Error::from_errno(ENOTDIR);
  tree_.sync_directory((*node)->inode);
  return {};
}

Status SimFileSystem::set_mode(int fd, std::uint32_t) {
  Result<SimNode*> node = checked(SimOp::stat, fd, false);
  if (!node) return std::move(node).error();
  return {};
}

Status SimFileSystem::lock(int fd) {
  Result<SimNode*> node = checked(SimOp::lock, fd, false);
  if (!node) return std::move(node).error();
  if ((*node)->locked_by >= 0 && (*node)->locked_by != fd) return Error(ErrorKind::fenced, "locked");
  (*node)->locked_by = fd;
  return {};
}

void SimFileSystem::close_fd(int fd) noexcept {
  const auto found = descriptors_.find(fd);
  if (found == descriptors_.end()) return;
  SimNode& node = tree_.node(found->second.inode);
  descriptors_.erase(found);
  if (node.locked_by == fd) node.locked_by = -1;
  tree_.closed(node);
}

void SimFileSystem::crash(CrashMode mode, SimRandom& random) {
  descriptors_.clear();
  faults_.go_on();
  tree_.crash(mode, random);
}

std::unique_ptr<SimFileSystem> SimFileSystem::after_crash(
    CrashMode mode, SimRandom& random, const std::function<bool(std::uint64_t inode)>& is_of_interest) const {
  auto left = std::make_unique<SimFileSystem>();
  left->tree_ = tree_.copy(is_of_interest);
  left->tree_.crash(mode, random);
  return left;
}

void SimFileSystem::kill_process() {
  while (!descriptors_.empty()) close_fd(descriptors_.begin()->first);
  faults_.go_on();
}

std::int64_t SimFileSystem::engine_open(const char* path) {
  Result<UniqueFd> fd = open_read(path);
  return fd ? fd->release() : errno_of(fd.error());
}

std::int64_t SimFileSystem::engine_read(int fd, std::span<std::byte> into, std::uint64_t offset, bool is_look) {
  Result<std::size_t> got = read(fd, into, offset, !is_look);
  return got ? static_cast<std::int64_t>(*got) : errno_of(got.error());
}

std::int64_t SimFileSystem::engine_write(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  Result<SimNode*> node = checked(SimOp::write, fd, true);
  if (!node) return errno_of(node.error());
  const std::size_t done = write_what_fits(**node, from, offset);
  return done == 0 && !from.empty() ? -ENOSPC : static_cast<std::int64_t>(done);
}

void SimFileSystem::engine_begin_sync(int fd) {
  if (const Descriptor* d = descriptor(fd); d != nullptr) tree_.node(d->inode).content.begin_sync();
}

std::int64_t SimFileSystem::engine_sync_data(int fd) {
  Descriptor* d = descriptor(fd);
  Result<SimNode*> node = checked(SimOp::sync_data, fd, false);
  if (node) {
    (*node)->content.end_sync();
    return 0;
  }
  if (d != nullptr && !faults_.is_stopped()) tree_.node(d->inode).content.fail_sync();
  return errno_of(node.error());
}

std::uint64_t SimFileSystem::inode_of(const std::string& path) {
  const Result<SimNode*> node = tree_.find(path, true);
  return node ? (*node)->inode : 0;
}

bool SimFileSystem::is_open(std::uint64_t inode) const {
  return std::any_of(descriptors_.begin(), descriptors_.end(),
                     [inode](const auto& entry) { return entry.second.inode == inode; });
}

std::vector<std::string> SimFileSystem::open_paths() const {
  std::vector<std::string> paths;
  for (const auto& [fd, open] : descriptors_) paths.push_back(open.path);
  return paths;
}

SimFileSystem::Descriptor* SimFileSystem::descriptor(int fd) {
  const auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : &found->second;
}

Result<UniqueFd> SimFileSystem::give_descriptor(SimNode& node, const std::string& path, bool is_writable) {
  if (descriptors_.size() >= descriptor_limit_) return Error::from_errno(EMFILE);
  tree_.opened(node);
  descriptors_[next_descriptor_] = {node.inode, path, is_writable};
  return UniqueFd(next_descriptor_++, this);
}

Status SimFileSystem::check(SimOp op, const std::string& path) {
  if (const int failed = faults_.check(op, path); failed != 0) return Error::from_errno(failed);
  if (is_read_only_ && changes_the_disk(op)) return Error::from_errno(EROFS);
  return {};
}

Result<SimNode*> SimFileSystem::checked(SimOp op, int fd, bool is_for_writing) {
  Descriptor* d = descriptor(fd);
  if (d == nullptr || (is_for_writing && !d->is_writable)) return Error::from_errno(EBADF);
  if (Status ok = check(op, d->path); !ok) return std::move(ok).error();
  return &tree_.node(d->inode);
}

FileStat SimFileSystem::stat_of(const SimNode& node) const {
  FileStat stat;
  stat.device = device_;
  stat.inode = node.inode;
  stat.type = node.type;
  stat.links = node.links;
  stat.size = node.type == FileType::symlink ? node.target.size() : node.content.size();
  stat.on_disk = node.content.allocated();
  stat.modified = node.modified;
  stat.is_mount_point = node.is_mount_point;
  stat.birth_ns = keeps_birth_times_ ? node.birth_ns : 0;
  if (on_seen_) on_seen_(node.inode, stat.size, false);
  return stat;
}

std::uint64_t SimFileSystem::room_left() const {
  return capacity_ == UINT64_MAX ? UINT64_MAX : capacity_ - std::min(capacity_, tree_.used_bytes());
}

std::size_t SimFileSystem::write_what_fits(SimNode& node, std::span<const std::byte> from, std::uint64_t offset) {
  std::uint64_t fits = from.size();
  const std::uint64_t allocated = node.content.allocated();
  if (offset + from.size() > allocated) {
    const std::uint64_t room = room_left();
    const std::uint64_t end_max = room > UINT64_MAX - allocated ? UINT64_MAX : allocated + room;
    fits = std::min<std::uint64_t>(fits, end_max - std::min(end_max, offset));
  }
  node.content.write(from.first(fits), offset);
  node.modified = now_;
  return fits;
}

}  // namespace tailrace
