#include "buffer/state_home.h"

#include <utility>

namespace tailrace {

Result<std::shared_ptr<UniqueFd>> StateHome::open() {
  const std::lock_guard lock(mutex_);
  if (directory_ && look_locked()) return directory_;
  Result<UniqueFd> reached = reach();
  if (!reached) return std::move(reached).error();
  // The same one, of which something was taken away, stays open: what was locked by its descriptor stays locked.
  const bool is_same = directory_ && is_one(*directory_, *reached);
  if (Status taken = take(is_same ? directory_->get() : reached->get()); !taken) return std::move(taken).error();
  if (is_same) return directory_;
  directory_ = std::make_shared<UniqueFd>(std::move(*reached));
  is_name_synced_ = false;
  return directory_;
}

bool StateHome::is_one(const UniqueFd& a, const UniqueFd& b) {
  const Result<FileStat> one = files_.stat_fd(a.get());
  const Result<FileStat> other = files_.stat_fd(b.get());
  return one && other && one->device == other->device && one->inode == other->inode;
}

std::shared_ptr<UniqueFd> StateHome::held() {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  return lock ? directory_ : nullptr;
}

Result<UniqueFd> StateHome::reach() {
  Result<UniqueFd> fd = files_.open_directory(path_);
  if (fd || fd.error().kind() != ErrorKind::not_found) return fd;
  if (Status made = files_.make_directories(path_); !made) return std::move(made).error();
  was_made_ = true;
  return files_.open_directory(path_);
}

Status StateHome::take(int) { return {}; }

Status StateHome::look() {
  const std::lock_guard lock(mutex_);
  return look_locked();
}

Status StateHome::look_locked() {
  if (!directory_) return Error(ErrorKind::not_found, path_ + " is not there");
  const Result<FileStat> ours = files_.stat_fd(directory_->get());
  if (!ours) return Error(ours.error()).during("stat", path_);
  const Result<FileStat> there = files_.stat(path_);
  if (!there && there.error().kind() == ErrorKind::not_found) {
    return Error(ErrorKind::not_found, path_ + " was removed or renamed");
  }
  if (!there) return Error(there.error()).during("stat", path_);
  if (ours->device != there->device || ours->inode != there->inode) {
    return Error(ErrorKind::not_found, path_ + " is another directory now (replaced, or mounted over)");
  }
  return look_at_taken();
}

Status StateHome::sync_name() {
  const std::lock_guard lock(mutex_);
  if (is_name_synced_) return {};
  Result<std::string> path = files_.real_path(path_);
  if (!path) return std::move(path).error().during("resolve", path_);
  std::string above = std::move(*path);
  do {
    above.resize(above.rfind('/'));
    Status synced = files_.sync_directory(above.empty() ? "/" : above);
    // Who may not even open it can do no more; what was there before us has its name.
    if (!synced && was_made_ && synced.error().kind() != ErrorKind::permission) {
      return std::move(synced).error().during("sync", above);
    }
  } while (was_made_ && !above.empty());
  is_name_synced_ = true;
  return {};
}

}  // namespace tailrace
