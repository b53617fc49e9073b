// The names of a tailer's files: what the watcher's events say of them.
#include <algorithm>

#include "base/log.h"
#include "tailers/tailer.h"

namespace tailrace {

TailFile* Tailer::at(const std::string& path) const {
  const auto named = by_path_.find(path);
  if (named != by_path_.end()) return named->second;
  const auto alias = aliases_.find(path);
  return alias == aliases_.end() ? nullptr : alias->second;
}

void Tailer::unname(TailFile& file) {
  if (!file.path.empty()) {
    by_path_.erase(file.path);
    file.path.clear();
  }
  std::erase_if(aliases_, [&file](const auto& alias) { return alias.second == &file; });
}

void Tailer::name(TailFile& file, std::string path, Instant now) {
  if (file.path == path) return;
  TailFile* const other = at(path);
  if (!file.path.empty()) by_path_.erase(file.path);
  file.path.clear();
  if (other != nullptr && other != &file) {
    // What bore the name until now was renamed over, deleted, or moved unseen; its descriptor will tell.
    unname(*other);
    lost_name(*other, now);
  }
  aliases_.erase(path);
  file.path = std::move(path);
  file.named_at = now;
  by_path_.emplace(file.path, &file);
}

// How the patterns name an entry of a directory that is watched under its real path; nothing: they do not.
std::optional<std::string> Tailer::seen_as(const std::string& directory, const std::string& name) const {
  const std::string own = directory + "/" + name;
  if (patterns_->matches(own)) return own;
  for (const DirectoryAlias& alias : directory_aliases_) {
    if (alias.real_path != directory) continue;
    std::string path = alias.seen_as + "/" + name;
    if (patterns_->matches(path)) return path;
  }
  return std::nullopt;
}

void Tailer::on_event(const std::string& directory, const WatchEvent& event, Instant now) {
  using Kind = WatchEvent::Kind;
  if (event.kind == Kind::directory_gone || event.is_directory) {
    if (event.kind != Kind::attributes && event.kind != Kind::modified) rescan(now);
    return;
  }
  const std::string path = directory + "/" + std::string(event.name);
  TailFile* const file = at(path);
  switch (event.kind) {
    case Kind::modified:
    case Kind::attributes:
      if (file != nullptr) {
        dirty_.insert(file);
      } else if (event.kind == Kind::modified || failed_.contains(path)) {
        appeared(directory, event, now);
      }
      break;
    case Kind::appeared:
    case Kind::moved_to:
      appeared(directory, event, now);
      break;
    case Kind::moved_from:
      if (file != nullptr) {
        if (file->path == path) {
          by_path_.erase(file->path);
          file->path.clear();
        } else {
          aliases_.erase(path);
        }
        moves_[event.cookie] = {.file = file, .path = path, .at = now};
      } else if (wanted_probes_.contains(path) || probing_.contains(path)) {
        moves_[event.cookie] = {.file = nullptr, .path = path, .at = now};
      }
      break;
    case Kind::removed:
      if (file == nullptr) break;
      if (file->path == path) {
        by_path_.erase(file->path);
        file->path.clear();
        lost_name(*file, now);
      } else {
        aliases_.erase(path);
      }
      break;
    case Kind::directory_gone:
    case Kind::overflow:
      break;
  }
}

void Tailer::appeared(const std::string& directory, const WatchEvent& event, Instant now) {
  const std::string path = directory + "/" + std::string(event.name);
  if (event.kind == WatchEvent::Kind::moved_to) {
    const auto moved = moves_.find(event.cookie);
    if (moved != moves_.end()) {
      const Move move = moved->second;
      moves_.erase(moved);
      if (move.file != nullptr) {
        moved_to(*move.file, path, now);
      } else {
        // It was renamed before we could look at it: it is known under its first name all the same.
        const auto wanted = wanted_probes_.find(move.path);
        const auto probing = probing_.find(move.path);
        const std::string first = wanted != wanted_probes_.end() ? wanted->second.first_path
                                  : probing != probing_.end()    ? probing->second
                                                                 : move.path;
        if (wanted != wanted_probes_.end()) wanted_probes_.erase(wanted);
        want_probe(path, first, true);
      }
      return;
    }
  }
  const std::optional<std::string> matched = seen_as(directory, std::string(event.name));
  if (matched) {
    failed_.erase(path);
    want_probe(path, *matched);
    return;
  }
  // A symlink on the way to a match, perhaps.
  for (const DirectoryAlias& alias : directory_aliases_) {
    if (alias.real_path == directory && patterns_->may_match_below(alias.seen_as + "/" + std::string(event.name))) {
      rescan(now);
      return;
    }
  }
  if (event.kind != WatchEvent::Kind::modified && patterns_->may_match_below(path)) rescan(now);
}

void Tailer::moved_to(TailFile& file, const std::string& path, Instant now) {
  ++counters_.rotations_renamed;
  name(file, path, now);
  file.is_left = path != (file.checkpoint->path) && !seen_as_first(file, path);
  file.changed_at = now;
  remember(file);
  dirty_.insert(&file);
}

// A file that is followed under its own path again (mv away, mv back) is no longer left.
bool Tailer::seen_as_first(const TailFile& file, const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  const auto matched = seen_as(path.substr(0, slash), path.substr(slash + 1));
  return matched && *matched == file.checkpoint->path;
}

// Its name is gone, and it was not seen to get another: deleted, or moved out of sight.
void Tailer::lost_name(TailFile& file, Instant now) {
  if (!aliases_.empty()) {
    const auto alias =
        std::find_if(aliases_.begin(), aliases_.end(), [&file](const auto& entry) { return entry.second == &file; });
    if (alias != aliases_.end()) {
      std::string path = alias->first;
      name(file, std::move(path), now);
      return;
    }
  }
  file.changed_at = now;
  if (file.fd) {
    const Result<FileStat> stat = parts_.files.stat_fd(file.fd.get());
    if (stat && stat->links == 0) {
      dirty_.insert(&file);  // looked at after this drain: it may have grown until its last moment
    } else {
      file.is_left = true;
      dirty_.insert(&file);
    }
    return;
  }
  if (file.turn == Turn::in_flight) {
    file.is_left = true;  // an open is under way: what it finds decides
    return;
  }
  deleted(file, now);
}

void Tailer::deleted(TailFile& file, Instant now) {
  if (file.is_deleted) return;
  file.is_deleted = true;
  file.changed_at = now;
  ++counters_.rotations_deleted;
  std::erase_if(by_inode_, [&file](const auto& entry) { return entry.second == &file; });
  if (!file.fd) {
    lost(file, LostReason::deleted, file.unread());
    file.size = file.books.read();
    file.is_replaced = true;
    if (!file.books.is_settled()) reader_.outlet().pin(file.books.id());
    update_lag(file);
  } else if (!file.has_work() && file.unread() > 0) {
    after_read(file, now);  // an unfinished last line: it is given its second
    return;
  }
  settle_down(file, now);
}

// Moved away, and nowhere that we watch: it is read to its end through its descriptor, if we have one.
void Tailer::end_moves(Instant now) {
  for (auto it = moves_.begin(); it != moves_.end();) {
    if (it->second.at + kMovePairsWithin > now) {
      ++it;
      continue;
    }
    TailFile* const file = it->second.file;
    it = moves_.erase(it);
    if (file == nullptr || !file->path.empty()) continue;
    ++counters_.rotations_renamed;
    file->is_left = true;
    file->changed_at = now;
    if (file->fd || file->turn == Turn::in_flight) {
      dirty_.insert(file);
    } else {
      path_lost(*file, now);
    }
  }
  after_events(now);
}

void Tailer::after_events(Instant now) {
  std::set<TailFile*> dirty;
  dirty.swap(dirty_);
  for (TailFile* file : dirty) {
    if (file->is_forgotten) continue;
    if (!file->fd) {
      // Closed while idle: what it holds now is seen when it is open again.
      if (!file->path.empty() && !file->is_busy()) want_probe(file->path, file->checkpoint->path);
      continue;
    }
    const Offset size = file->size;
    if (!look(*file, now)) continue;
    if (!file->is_forgotten && file->fd && file->size == size && !file->has_work()) {
      reader_.verify(*file);  // written to and no larger: perhaps another content of the same length
      after_read(*file, now);
    }
  }
  start_probes(now);
}

}  // namespace tailrace
