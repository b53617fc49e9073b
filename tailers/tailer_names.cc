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

// What bore the name until now was renamed over, deleted, or moved unseen; its descriptor will tell.
void Tailer::take_name(const TailFile& file, const std::string& path, Instant now) {
  TailFile* const other = at(path);
  if (other == nullptr || other == &file) return;
  if (other->path != path) {
    aliases_.erase(path);  // its own it keeps
    return;
  }
  by_path_.erase(other->path);
  other->path.clear();
  lost_name(*other, now);
}

void Tailer::name(TailFile& file, std::string path, Instant now) {
  if (file.path == path) return;
  if (!file.path.empty()) by_path_.erase(file.path);
  file.path.clear();
  take_name(file, path, now);
  aliases_.erase(path);
  file.path = std::move(path);
  file.named_at = now;
  by_path_.emplace(file.path, &file);
}

bool Tailer::has_successor(const TailFile& file, const std::string& path) const {
  const TailFile* named = at(path);
  return named != nullptr && named != &file && named->checkpoint->key.inode == file.checkpoint->key.inode;
}

// How the patterns name an entry of a directory that is watched under its real path; nothing: they do not.
std::optional<std::string> Tailer::seen_as(const std::string& directory, const std::string& name) const {
  const std::string own = (directory == "/" ? "" : directory) + "/" + name;
  if (patterns_->matches(own)) return own;
  for (const DirectoryAlias& alias : directory_aliases_) {
    if (alias.real_path != directory) continue;
    std::string path = alias.seen_as + "/" + name;
    if (patterns_->matches(path)) return path;
  }
  const auto link = links_.find(own);
  return link == links_.end() ? std::nullopt : std::optional<std::string>(link->second);
}

void Tailer::on_watch_event(const std::string& path, WatchEvent event, Instant now) {
  if (!event.is_of_file) return on_event(path, event, now);
  const std::string name = name_in(path);
  event.name = name;
  on_event(directory_of(path), event, now);
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
      if (file != nullptr) file->named_at = now;  // it may bear the name no longer
      appeared(directory, event, now);
      break;
    case Kind::moved_from:
      if (file != nullptr) {
        if (file->path == path) {
          by_path_.erase(file->path);
          file->path.clear();
          parts_.descriptors.withdraw(*file);  // without a name it could not be opened again
        } else {
          aliases_.erase(path);
        }
        moves_[event.cookie] = {.file = file,
                                .path = path,
                                .at = now,
                                .may_be_another = now - file->named_at < kEventsLate,
                                .is_alias = !file->path.empty()};
      } else if (std::optional<Wanted> expected = expected_at(path)) {
        moves_[event.cookie] = {.file = nullptr, .path = path, .at = now, .wanted = *std::move(expected)};
        wanted_probes_.erase(path);
        vanished_.erase(path);
        failed_.erase(path);
      }
      break;
    case Kind::removed:
      if (file == nullptr) {
        if (const auto failed = failed_.find(path); failed != failed_.end()) want_probe(path, failed->second.wanted);
        break;
      }
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
        if (move.is_alias && !move.file->path.empty()) {  // its other name stays
          take_name(*move.file, path, now);
          if (move.file->path != path) aliases_[path] = move.file;
        } else {
          moved_to(*move.file, path, now);
        }
        // The event may be older than the look that gave this file the name, and tell of the one that had it before.
        if (move.may_be_another) want_probe(path, {.first_path = move.path, .is_renamed = true});
      } else {
        // It was renamed before we could look at it: it is known under its first name all the same.
        want_probe(path, {.first_path = move.wanted.first_path, .is_renamed = true, .inodes = move.wanted.inodes});
      }
      return;
    }
  }
  const std::optional<std::string> matched = seen_as(directory, std::string(event.name));
  if (matched) {
    want_probe(path,
               {.first_path = *matched, .is_expected = true, .is_made = event.kind == WatchEvent::Kind::appeared});
    failed_.erase(path);
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

// A file that is not known yet and was, or is to be, looked at under this path.
std::optional<Tailer::Wanted> Tailer::expected_at(const std::string& path) const {
  if (const auto wanted = wanted_probes_.find(path); wanted != wanted_probes_.end()) return wanted->second;
  if (const auto probing = probing_.find(path); probing != probing_.end()) return Wanted{.first_path = probing->second};
  if (const auto gone = vanished_.find(path); gone != vanished_.end()) return gone->second.wanted;
  if (const auto failed = failed_.find(path); failed != failed_.end()) return failed->second.wanted;
  return std::nullopt;
}

void Tailer::moved_to(TailFile& file, const std::string& path, Instant now) {
  ++counters_.rotations_renamed;
  log::debug("{}: renamed to {}", file.checkpoint->path, path);
  name(file, path, now);
  file.is_left = path != file.checkpoint->path && !seen_as_first(file, path);
  file.changed_at = now;
  remember(file);
  dirty_.insert(&file);
}

// A file that is followed under its own path again (mv away, mv back) is no longer left.
bool Tailer::seen_as_first(const TailFile& file, const std::string& path) const {
  const auto matched = seen_as(directory_of(path), name_in(path));
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
  log::debug("{}: its name is gone, at {} of {}", file.checkpoint->path, file.books.read(), file.size);
  parts_.descriptors.withdraw(file);  // without a name it could not be opened again
  if (file.fd) {
    dirty_.insert(&file);  // looked at after this drain: it may have grown until its last moment
    const Result<FileStat> stat = parts_.files.stat_fd(file.fd.get());
    if (stat && stat->links == 0) return;
    file.is_left = true;
  } else if (file.turn == Turn::in_flight) {
    file.is_left = true;  // an open is under way
  }
  look_for_name(file, now);  // another one may be there that nobody told of yet
}

void Tailer::look_for_name(TailFile& file, Instant now) {
  if (file.is_searched || file.is_deleted || file.is_replaced) return;
  file.is_searched = true;
  search_again_.emplace_back(file.books.id(), file.checkpoint->key.inode);
  search_again_at_ = now;
}

void Tailer::deleted(TailFile& file, Instant now) {
  if (file.is_deleted) return;
  log::debug("{}: deleted, at {} of {}", file.checkpoint->path, file.books.read(), file.size);
  file.is_deleted = static_cast<bool>(file.fd);  // of one that is closed nobody can say: it may be elsewhere
  file.changed_at = now;
  ++counters_.rotations_deleted;
  parts_.descriptors.withdraw(file);
  if (!file.fd) {
    // Its inode may be another's from now on.
    std::erase_if(by_inode_, [&file](const auto& entry) { return entry.second == &file; });
    give_up(file, LostReason::deleted, now);
    return;
  }
  if (file.target != TailFile::kNoTarget) {  // draining: nobody will read it after us
    file.target = file.extent;
    file.is_ending = file.size > 0;
    reader_.want(file);
  }
  if (file.extent > file.size) {  // what was written over its zeros until then is the last that there is of it
    file.must_peek = true;
    reader_.read_aside(file);
  }
  if (!file.has_work() && file.unread() > 0) {
    after_read(file, now);  // an unfinished last line: it is given its second
    return;
  }
  settle_down(file, now);
}

// What is unread of it can be read no more. What is in memory settles, then it is finished.
void Tailer::give_up(TailFile& file, LostReason reason, Instant now) {
  lost(file, reason, file.unread());
  file.set_size(file.books.read());
  file.is_replaced = true;
  file.may_return = !file.is_deleted;
  if (!file.books.is_settled()) reader_.outlet().pin(file.books.id());
  update_lag(file);
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
    if (file == nullptr && !it->second.wanted.inodes.empty()) {
      // Where it went was not told: it is looked for by its inode.
      want_probe(it->second.path, {.first_path = it->second.wanted.first_path, .inodes = it->second.wanted.inodes});
    }
    it = moves_.erase(it);
    if (file == nullptr || !file->path.empty()) continue;
    ++counters_.rotations_renamed;
    file->is_left = true;
    file->changed_at = now;
    if (file->fd || file->turn == Turn::in_flight) dirty_.insert(file);
    look_for_name(*file, now);  // the new one may be in an event that was lost
  }
  after_events(now);
}

void Tailer::after_events(Instant now) {
  std::set<TailFile*, ById> dirty;
  dirty.swap(dirty_);
  for (TailFile* file : dirty) {
    if (file->is_forgotten) continue;
    if (!file->fd) {
      // Closed while idle: what it holds now is seen when it is open again.
      if (!file->path.empty() && !file->is_busy()) want_probe(file->path, *file);
      continue;
    }
    const Offset extent = file->extent;
    if (!look(*file, now) || file->is_forgotten || !file->fd) continue;
    if (file->extent <= extent) recheck(*file);  // written to and no larger: perhaps another content of the same length
    note_times(*file, file->modified);
    if (!file->has_work()) after_read(*file, now);
  }
  start_probes(now);
}

}  // namespace tailrace
