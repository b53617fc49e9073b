// Who a tailer's files are: what a look at a path found is recognised among those that are known, or is new.
#include <algorithm>
#include <optional>

#include "base/log.h"
#include "tailers/fingerprint.h"
#include "tailers/tailer.h"

namespace tailrace {

// A new file is known under its own name where the patterns match that, also when a symlink led to it, but for one that
// was renamed to this name before it could be looked at: not if it was made here since, does not have the inode that
// was looked for, or is not the known one that was.
void Tailer::name_first(Probe& probe) const {
  ProbeRequest& request = probe.request;
  const bool is_linked = !request.is_renamed && request.first_path != probe.real_path;
  if (is_linked && patterns_->matches(probe.real_path)) request.first_path = probe.real_path;
  if (!request.is_renamed && !request.is_left) return;
  const auto later = wanted_probes_.find(request.path);
  const bool is_made = later != wanted_probes_.end() && later->second.is_made;
  const bool is_its_inode =
      request.inodes.empty() || std::any_of(request.inodes.begin(), request.inodes.end(), [&probe](const auto& seen) {
        return is_inode_of({.inode = seen.inode, .birth_ns = seen.birth_ns}, probe.stat);
      });
  const bool is_another = request.is_renamed ? is_made || !is_its_inode : request.is_left;
  if (!is_another) return;
  std::optional<std::string> own = seen_as(directory_of(request.path), name_in(request.path));
  if (!own) return;
  request.is_renamed = false;
  request.first_path = *std::move(own);
}

TailFile* Tailer::match_open(const Probe& probe, bool& is_rewritten) const {
  const SourceKey seen = make_key(probe.stat, probe.prefix);
  TailFile* fallback = nullptr;
  const auto [begin, end] = by_inode_.equal_range(probe.stat.inode);
  for (auto it = begin; it != end; ++it) {
    switch (compare(it->second->checkpoint->key, seen, probe.prefix)) {
      case Match::same:
      case Match::unsure:
        return it->second;
      case Match::rewritten:
        fallback = it->second;  // or the probe is older than what we have read since: the next read will tell
        break;
      case Match::different:
        // While we have it open its inode is nobody else's.
        if (it->second->fd && it->second->checkpoint->key.birth_ns == seen.birth_ns &&
            it->second->checkpoint->key.device == seen.device) {
          fallback = it->second;
        }
        break;
    }
  }
  is_rewritten = fallback != nullptr;
  return fallback;
}

// By inode and birth alone; nullptr: none.
TailFile* Tailer::known_as(const FileStat& stat) const {
  const auto [begin, end] = by_inode_.equal_range(stat.inode);
  const auto known =
      std::find_if(begin, end, [&stat](const auto& entry) { return is_inode_of(entry.second->checkpoint->key, stat); });
  return known == end ? nullptr : known->second;
}

// It is there, and may be gone before it is opened: then so much of it is lost. What the journal knows is counted by
// that.
void Tailer::note_unopened(const FileStat& stat) {
  if (stat.inode == 0 || starts_at_end_ || known_as(stat) != nullptr || unbound_.contains(stat.inode)) return;
  Unopened& seen = unopened_[stat.inode];
  if (seen.birth_ns != stat.birth_ns) seen = {.birth_ns = stat.birth_ns, .size = 0};
  seen.size = std::max(seen.size, stat.size);
}

// One that is under way may have opened it while it had its name.
bool Tailer::is_probed(const TailFile& file) const {
  return std::any_of(probing_.begin(), probing_.end(),
                     [&file](const auto& probing) { return probing.second == file.checkpoint->path; });
}

const Checkpoint* Tailer::match_gone(const Probe& probe, bool& is_rewritten) const {
  const SourceKey seen = make_key(probe.stat, probe.prefix);
  for (auto gone = gone_.rbegin(); gone != gone_.rend(); ++gone) {
    const Match match = compare(gone->key, seen, probe.prefix);
    is_rewritten = match == Match::rewritten;
    if (match == Match::same || is_rewritten) return &*gone;
  }
  return nullptr;
}

const Checkpoint* Tailer::match_known(const Probe& probe, bool& is_rewritten) const {
  const SourceKey seen = make_key(probe.stat, probe.prefix);
  const Checkpoint* fallback = nullptr;
  const Checkpoint* best = nullptr;
  const auto [begin, end] = unbound_.equal_range(probe.stat.inode);
  for (auto it = begin; it != end; ++it) {
    const Checkpoint* known = parts_.journal.find(it->second);
    if (known == nullptr) continue;
    switch (compare(known->key, seen, probe.prefix)) {
      case Match::same:
      case Match::unsure:
        // Generations of one file: the one whose fingerprint says most.
        if (best == nullptr || known->key.prefix_bytes > best->key.prefix_bytes) best = known;
        break;
      case Match::rewritten:
        fallback = known;
        break;
      case Match::different:
        break;
    }
  }
  is_rewritten = best == nullptr && fallback != nullptr;
  return best != nullptr ? best : fallback;
}

void Tailer::recognised(TailFile& file, Probe& probe, Instant now) {
  file.is_searched = false;
  if (file.is_deleted) return;  // opened before that
  if (file.path.empty()) {
    moved_to(file, probe.real_path, now);
  } else if (file.path != probe.real_path) {
    check_name(file, probe.real_path);
  }
  adopt(file, probe, now);
  // Without a descriptor all that is to be known now is what the probe saw.
  if (file.is_forgotten || !file.fd) return;
  dirty_.insert(&file);
  look(file, now);
}

// Two paths lead to one file: a second name of it, or a rename that no event told of.
void Tailer::check_name(TailFile& file, const std::string& path) {
  struct Check {
    std::string old;
    bool is_there = false, is_here = false;
    std::optional<FileStat> other;  // what has its old name
  };
  auto check = std::make_shared<Check>(Check{.old = file.path, .other = {}});
  const SourceId id = file.books.id();
  const std::uint64_t inode = file.checkpoint->key.inode;
  FileSystem& files = parts_.files;
  const Job job = begin_job();
  parts_.workers.submit(
      owner_,
      [check, inode, path, &files] {
        const Result<FileStat> there = files.stat_no_follow(check->old);
        check->is_there = there && there->inode == inode;
        if (there && !check->is_there) check->other = *there;
        const Result<FileStat> here = files.stat_no_follow(path);
        check->is_here = here && here->inode == inode;
      },
      [this, check, id, path, job](Instant when) {
        end_job(job, when);
        if (check->other && check->other->type == FileType::regular) found_another(check->old, *check->other, when);
        TailFile* const same = find(id);
        if (same == nullptr) return;
        if (same->is_replaced) {  // cut meanwhile: what goes on in its place is to be recognised
          want_probe(path, *same);
          start_probes(when);
        } else if (!check->is_here) {
          // Where it went an event tells, if none is lost.
          if (!check->is_there && same->path == check->old) look_for_name(*same, when);
        } else if (check->is_there || same->path != check->old) {
          if (at(path) == same) return;
          take_name(*same, path, when);  // closed, and cut meanwhile, where no birth time tells that it is that inode
          aliases_[path] = same;
          after_events(when);
        } else {
          moved_to(*same, path, when);
          after_events(when);
        }
      });
}

// Takes the probe's descriptor for a file that has none, and what it saw of the size.
void Tailer::adopt(TailFile& file, Probe& probe, Instant now) {
  // One that was left and is as we know it needs none.
  const bool is_needed = !file.is_left || !file.is_done() || probe.stat.size != file.extent;
  if (!file.fd && probe.fd && is_needed && !file.is_busy() && parts_.descriptors.has_room()) {
    file.fd = std::move(probe.fd);
    parts_.descriptors.opened();
    file.trouble.clear();
  }
  if (file.fd || file.is_busy()) return;
  // Cut while we had it closed; the open that follows will see it once more.
  if (probe.stat.size < file.size) file.must_look = true;
  if (prefix_matches(file.checkpoint->key, probe.prefix)) file.proven = std::max(file.proven, probe.stat.size);
  if (file.is_truncated_at(probe.stat.size)) {
    truncated(file, file.size, now);
    return;
  }
  if (probe.stat.size < file.size) {
    cut_behind(file, probe.stat.size);
  } else if (probe.stat.size > file.extent) {
    grew(file, probe.stat.size, now);
  } else {
    file.extent = probe.stat.size;
  }
  reader_.want(file);
}

// A symlink that appeared since the last scan: where it leads is to be watched.
void Tailer::note_link(const Probe& probe, Instant now) {
  if (probe.request.path == probe.real_path || links_.contains(probe.real_path)) return;
  if (patterns_->matches(probe.real_path) || !patterns_->matches(probe.request.path)) return;
  links_[probe.real_path] = probe.request.path;
  rescan(now);
}

void Tailer::resumed(const Checkpoint& known, Probe& probe, bool is_rewritten, Instant now) {
  std::erase_if(unbound_, [&known](const auto& entry) { return entry.second == known.id; });
  Checkpoint now_known = known;
  now_known.is_finished = false;
  now_known.last_path = probe.real_path;
  now_known.key.device = probe.stat.device;
  if (is_rewritten || probe.stat.size < known.progress.acked) {
    const std::uint64_t bytes = known.size_seen > known.progress.acked ? known.size_seen - known.progress.acked : 0;
    ++counters_.rotations_truncated;
    counters_.lost_bytes[static_cast<std::size_t>(LostReason::truncated)] += bytes;
    log::warn("{}: truncated since the last run: {} bytes overwritten before they were read, at {}", known.path, bytes,
              known.progress.acked);
    parts_.journal.forget(known.id);
    now_known.id = SourceId::random();
    now_known.progress = {};
    now_known.key = make_key(probe.stat, probe.prefix);
  }
  now_known.size_seen = probe.stat.size;
  const std::string known_path = now_known.path;
  log::debug("{}: goes on at {} of {} as {}", known_path, now_known.progress.acked, probe.stat.size, probe.real_path);
  TailFile& file = add(std::move(now_known), probe.real_path, now, probe.real_path != known_path);
  // Renamed before it could be looked at, it was looked for under the name that it had lost.
  const bool is_own = probe.request.first_path == file.checkpoint->path && !probe.request.is_renamed;
  file.is_left = probe.request.path != file.checkpoint->path && !is_own &&
                 !seen_as(directory_of(probe.real_path), name_in(probe.real_path));
  file.marks.saw(probe.stat.size, now - age_of(parts_.wall, probe.stat.modified));
  file.set_size(std::max(probe.stat.size, file.books.read()));
  file.proven = file.size;
  note_times(file, probe.stat.modified);
  adopt(file, probe, now);
  update_lag(file);
  reader_.want(file);
  settle_down(file, now);
}

void Tailer::began(Probe& probe, Instant now) {
  Checkpoint known;
  known.id = SourceId::random();
  known.tailer = config_.name;
  known.path = probe.request.first_path;
  known.last_path = probe.real_path == known.path ? "" : probe.real_path;
  known.key = make_key(probe.stat, probe.prefix);
  known.partition = partition_of(known.path);
  known.size_seen = probe.stat.size;
  if (starts_at_end_ || failed_at_start_.erase(probe.request.path) > 0) {
    known.progress = {.acked = probe.end,
                      .tail_bytes = static_cast<std::uint32_t>(probe.tail.size()),
                      .tail_hash = hash_bytes(probe.tail)};
  }
  const std::string first_path = known.path;
  const bool is_left = probe.request.path == probe.real_path && first_path != probe.real_path &&
                       probe.request.is_renamed;  // before it could be looked at
  log::debug("{}: new, {} bytes{}", first_path, probe.stat.size, is_left ? ", renamed meanwhile" : "");
  TailFile& file = add(std::move(known), probe.real_path, now, is_left);
  file.is_left = is_left;
  file.set_size(probe.stat.size);
  file.proven = file.size;
  note_times(file, probe.stat.modified);
  if (file.size > file.books.read()) file.marks.saw(file.size, now - age_of(parts_.wall, probe.stat.modified));
  adopt(file, probe, now);
  update_lag(file);
  reader_.want(file);
  settle_down(file, now);
}

std::int32_t Tailer::partition_of(std::string_view first_path) const {
  if (const TailFile* last = newest(first_path); last != nullptr) return last->checkpoint->partition;
  const auto gone = partitions_.find(std::string(first_path));
  return gone == partitions_.end() ? -1 : gone->second.partition;
}

// `is_older`: than the file that is known as the newest under its first path.
TailFile& Tailer::add(Checkpoint known, const std::string& path, Instant now, bool is_older) {
  known.seen_unix_seconds = std::chrono::duration_cast<std::chrono::seconds>(parts_.wall.time_since_epoch()).count();
  const Checkpoint& kept = parts_.journal.put(std::move(known));
  auto owned = std::make_unique<TailFile>(*this, kept);
  TailFile& file = *owned;
  files_.emplace(kept.id, std::move(owned));
  const auto unstored = unstored_.extract(kept.id);
  parts_.ledger.start(file.books, kept.progress, unstored ? unstored.mapped() : kept.progress.acked);
  file.set_size(kept.progress.acked);
  if (has_stopped_) file.target = file.books.read();  // it would also overtake those that are not read any more
  file.changed_at = now;
  by_inode_.emplace(kept.key.inode, &file);
  link_by_age(file, is_older);
  if (!path.empty()) name(file, path, now);
  return file;
}

// Files that followed each other under one path are shipped in that order: by birth where it is known.
void Tailer::link_by_age(TailFile& file, bool is_older) {
  const std::int64_t birth = file.checkpoint->key.birth_ns;
  TailFile* older = newest(file.checkpoint->path);
  TailFile* younger = nullptr;
  while (older != nullptr) {
    const std::int64_t other = older->checkpoint->key.birth_ns;
    if (birth != 0 && other != 0 ? other <= birth : !is_older) break;
    younger = older;
    older = older->before;
  }
  file.before = older;
  file.after = younger;
  if (older != nullptr) older->after = &file;
  if (younger != nullptr) {
    younger->before = &file;
  } else {
    newest_[std::hash<std::string_view>{}(file.checkpoint->path)] = &file;
  }
}

void Tailer::remember(TailFile& file, bool is_finished) {
  Checkpoint known = *file.checkpoint;
  if (!file.path.empty()) known.last_path = file.path == known.path ? "" : file.path;
  known.size_seen = file.size;
  known.seen_unix_seconds = std::chrono::duration_cast<std::chrono::seconds>(parts_.wall.time_since_epoch()).count();
  known.is_finished = is_finished;
  known.progress = file.books.at_acked();
  file.checkpoint = &parts_.journal.put(std::move(known));
}

}  // namespace tailrace
