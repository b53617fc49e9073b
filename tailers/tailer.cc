#include "tailers/tailer.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"

namespace tailrace {
namespace {

// How long an unfinished last line of a file that is gone must have stayed still to be a line (contract, section 3).
constexpr Duration kStillDeleted = std::chrono::seconds(1);
constexpr Duration kStillRenamed = std::chrono::seconds(30);
constexpr Duration kPurgeEvery = std::chrono::hours(1);
constexpr Duration kSizesEvery = std::chrono::seconds(1);

std::string_view sentence(LostReason reason) {
  switch (reason) {
    case LostReason::truncated:
      return "truncated: {} bytes overwritten before they were read";
    case LostReason::deleted:
      return "deleted: {} bytes were not read before";
    case LostReason::deleted_limit:
      return "given up over deleted_limit: {} bytes";
    case LostReason::moved:
      return "moved out of every watched directory: {} bytes were not read before";
    case LostReason::skipped:
      return "skipped: {} bytes";
    case LostReason::rejected:
      return "refused by the sink and dropped: {} bytes";
  }
  return "{}";
}

}  // namespace

Tailer::Tailer(TailerConfig config, Patterns patterns, Parts& parts, FileReader& reader)
    : config_(std::move(config)),
      patterns_(std::make_shared<const Patterns>(std::move(patterns))),
      parts_(parts),
      reader_(reader) {}

Tailer::~Tailer() {
  for (auto& [id, file] : files_) {
    parts_.descriptors.withdraw(*file);
    parts_.ledger.close(file->books);
  }
}

void Tailer::start(bool is_known_name, Instant now) {
  starts_at_end_ = config_.start_at == StartAt::end && !is_known_name;
  std::unordered_map<std::string_view, const Checkpoint*> finished;  // the last one by its path
  for (const auto& [id, known] : parts_.journal.all()) {
    if (known.tailer != config_.name || known.path.empty()) continue;
    unbound_.emplace(known.key.inode, id);
    if (!known.is_finished || known.partition < 0) continue;
    const Checkpoint*& last = finished[known.path];
    const bool is_later = last == nullptr || last->seen_unix_seconds < known.seen_unix_seconds ||
                          (last->seen_unix_seconds == known.seen_unix_seconds && last->id < known.id);
    if (is_later) last = &known;
  }
  // What comes under its path next goes where it went, also when that is after a restart.
  for (const auto& [path, last] : finished) partitions_[last->path] = {.partition = last->partition, .at = now};
  purge_at_ = now + kPurgeEvery;
  start_scan(now);
}

void Tailer::settled(TailFile& file, const LedgerMove& move, Instant now) {
  counters_.acked_bytes += move.acked_bytes;
  counters_.acked_lines += move.acked_lines;
  crash_point("pipeline.after_settle");
  if (move.acked_bytes == 0) return;
  if (parts_.holds_until_durable) {
    file.held_bytes += reader_.outlet().hold(move.acked_bytes);
  }
  parts_.journal.advance(file.books.id(), file.books.at_acked());
  update_lag(file);
  reader_.acked(file);
  settle_down(file, now);
}

void Tailer::made_durable(SourceId id, Offset durable) {
  if (const auto left = unstored_.find(id); left != unstored_.end()) {
    left->second = durable;
    if (durable == parts_.journal.find(id)->progress.acked) unstored_.erase(left);
  }
  TailFile* const known = find(id);
  if (known == nullptr) return;
  TailFile& file = *known;
  parts_.ledger.made_durable(file.books, durable);
  const std::uint64_t open = file.books.acked() - file.books.durable();
  if (file.held_bytes > open) release_hold(file, file.held_bytes - open);
  update_lag(file);
}

void Tailer::release_hold(TailFile& file, std::uint64_t bytes) {
  if (bytes == 0) return;
  file.held_bytes -= bytes;
  reader_.outlet().release(bytes);
  reader_.memory_freed();
}

void Tailer::release_holds() {
  for (auto& [id, file] : files_) release_hold(*file, file->held_bytes);
}

TailFile* Tailer::newest(std::string_view first_path) const {
  const auto found = newest_.find(std::hash<std::string_view>{}(first_path));
  return found != newest_.end() && found->second->checkpoint->path == first_path ? found->second : nullptr;
}

void Tailer::rewind(TailFile& file) {
  if (file.is_replaced) return;  // the sink keeps its bytes and publishes them again itself
  counters_.rewound_bytes += parts_.ledger.rewind(file.books);
  file.scanned_to = 0;
  file.read_want = 0;
  update_lag(file);
  reader_.want(file);
}

void Tailer::rewind_all() {
  for (auto& [id, file] : files_) {
    if (file->books.open_batches() > 0) rewind(*file);
  }
}

// The one way past bytes that were never read.
void Tailer::lost(TailFile& file, LostReason reason, std::uint64_t bytes) {
  if (bytes == 0) return;
  counters_.lost_bytes[static_cast<std::size_t>(reason)] += bytes;
  log::warn("{}: {}, at {}", file.checkpoint->path, fmt::format(fmt::runtime(sentence(reason)), bytes),
            file.books.read());
}

bool Tailer::look(TailFile& file, Instant now) {
  if (!file.fd) return true;
  const Result<FileStat> stat = parts_.files.stat_fd(file.fd.get());
  if (!stat) {
    log::warn("{}", Error(stat.error()).during("stat", file.checkpoint->path).text());
    return true;
  }
  file.modified = stat->modified;
  if (file.is_truncated_at(stat->size)) {
    truncated(file, file.size, now);
    return false;
  }
  if (stat->size < file.size) {
    cut_behind(file, stat->size);
  } else if (stat->size < file.extent) {
    file.extent = stat->size;  // reserved, and not needed
  } else if (stat->size > file.extent) {
    grew(file, stat->size, now);
  }
  if (stat->links == 0 && !file.is_deleted) deleted(file, now);
  // It has grown and waits for its turn: were it cut before that, how much was lost is known by a look at it now.
  if (file.is_held_back()) {
    if (file.size > file.proven) reader_.verify(file);
    reader_.seek_end(file, now);
  }
  reader_.want(file);
  return true;
}

void Tailer::grew(TailFile& file, Offset size, Instant now) {
  file.marks.saw(size, now);
  file.set_size(size);
  file.changed_at = now;
  if (!parts_.is_once) file.is_ending = false;  // more has come: its last line is unfinished no longer, or anew
  update_lag(file);
}

bool Tailer::is_met_elsewhere(const SourceKey& key) const {
  const auto [begin, end] = by_inode_.equal_range(key.inode);
  return std::any_of(begin, end, [&key](const auto& entry) {
    const SourceKey& other = entry.second->checkpoint->key;
    return other.birth_ns == key.birth_ns && other.device == key.device;
  });
}

void Tailer::truncated(TailFile& file, Offset size, Instant now) {
  if (file.is_busy()) {
    file.must_look = true;
    return;
  }
  ++counters_.rotations_truncated;
  lost(file, LostReason::truncated, std::max({size, file.cut_from, file.books.read()}) - file.books.read());
  file.set_size(file.books.read());
  file.is_replaced = true;  // what is in memory settles, then it is forgotten
  reader_.outlet().pin(file.books.id());
  std::string path = file.path;
  unname(file);
  std::erase_if(by_inode_, [&file](const auto& entry) { return entry.second == &file; });
  parts_.descriptors.withdraw(file);
  Checkpoint next = *file.checkpoint;
  remember(file);
  if (!path.empty() && is_met_elsewhere(next.key)) {
    // Without a birth time another name of it may have been taken for a new file: whose this name is a probe tells.
    reader_.close(file);
    update_lag(file);
    settle_down(file, now);
    want_probe(path, {.first_path = next.path, .is_left = file.is_left});
    start_probes(now);
    return;
  }
  UniqueFd fd = std::move(file.fd);
  next.id = SourceId::random();
  next.key.prefix_bytes = 0;
  next.key.prefix_hash = 0;
  next.size_seen = 0;
  next.progress = {};
  const bool is_deleted = file.is_deleted, is_left = file.is_left;
  TailFile& again = add(std::move(next), path, now);
  again.fd = std::move(fd);
  again.is_deleted = is_deleted;
  again.is_left = is_left;
  for (auto& [cookie, move] : moves_) {
    if (move.file == &file) move.file = &again;  // its new name is its successor's
  }
  update_lag(file);
  settle_down(file, now);  // may forget it
  if (again.fd) {
    if (look(again, now)) again.proven = again.size;
  } else if (!again.path.empty()) {
    want_probe(again.path, again);
    start_probes(now);
  }
}

void Tailer::after_read(TailFile& file, Instant now) {
  update_lag(file);
  if (file.has_work()) return;
  wake_followers(file);
  if (file.is_gone() && file.unread() > 0 && !file.is_ending) {
    still_.emplace(file.changed_at + (file.is_deleted ? kStillDeleted : kStillRenamed), &file);
  }
  watch_refill(file, now);
  settle_down(file, now);
}

void Tailer::after_aside(TailFile& file, Instant now) {
  if (file.must_look && file.turn != Turn::in_flight) {
    file.must_look = false;
    if (!look(file, now)) return;
  }
  reader_.read_aside(file);
  settle_down(file, now);
}

void Tailer::end_still_files(Instant now) {
  while (!still_.empty() && still_.begin()->first <= now) {
    TailFile& file = *still_.begin()->second;
    still_.erase(still_.begin());
    // More may have come that no event told of, or it was cut.
    if (!look(file, now) || file.is_forgotten) continue;
    if (!file.is_gone() || file.unread() == 0 || file.is_ending) continue;
    const Instant due = file.changed_at + (file.is_deleted ? kStillDeleted : kStillRenamed);
    if (due > now) {
      still_.emplace(due, &file);
      continue;
    }
    log::debug("{}: still for long enough: its unfinished last line is shipped", file.checkpoint->path);
    file.is_ending = true;
    reader_.want(file);
  }
}

// How large files are that lag: should they be gone after a crash, so much is lost.
void Tailer::remember_sizes(Instant now) {
  for (TailFile* file : lagging_) {
    if (!file->is_replaced && file->size > file->checkpoint->size_seen) remember(*file);
  }
  sizes_at_ = lagging_.empty() ? kNever : now + kSizesEvery;
}

// No event told of a rename: what was there and could not be opened in time is gone. Where no size was seen nobody
// knows how much.
void Tailer::end_vanished(Instant now) {
  constexpr auto kDeleted = static_cast<std::size_t>(LostReason::deleted);
  std::erase_if(vanished_, [&](const auto& entry) {
    const auto& [path, gone] = entry;
    if (gone.at + kVanishedWithin > now) return false;
    std::uint64_t bytes = 0;
    for (const SeenInode& seen : gone.wanted.inodes) {
      const auto unopened = unopened_.find(seen.inode);
      if (unopened == unopened_.end() || unopened->second.birth_ns != seen.birth_ns) continue;
      bytes += unopened->second.size;
      unopened_.erase(unopened);
    }
    if (bytes > 0) {
      counters_.lost_bytes[kDeleted] += bytes;
      log::warn("{}: deleted before it could be opened: {} bytes", path, bytes);
    } else if (gone.wanted.is_expected) {
      ++counters_.lost_files[kDeleted];
      log::warn("{}: deleted before it could be opened", path);
    }
    return true;
  });
}

// Nothing is left to do for it at the moment: its descriptor may go, or it may be forgotten altogether.
void Tailer::settle_down(TailFile& file, Instant now) {
  const bool is_retried = file.turn == Turn::wants_retry && !file.is_replaced;
  if (file.is_forgotten || file.has_work() || !file.books.is_settled() || file.is_busy() || is_retried) return;
  if (file.must_peek && file.fd) return;  // as soon as what is under way is done
  if (file.unread() == 0 && (file.is_deleted || file.is_replaced)) {
    if (file.may_return) remember(file, true);
    remove(file, !file.may_return);
  } else if (file.unread() == 0 && file.path.empty() && !file.fd && !file.is_searched &&
             std::none_of(moves_.begin(), moves_.end(),
                          [&file](const auto& move) { return move.second.file == &file; })) {
    remember(file, true);
    remove(file, false);
  } else if (file.fd && !file.is_deleted && (file.unread() == 0 || !file.path.empty())) {
    // An unfinished last line of a file that has no name can be read through this descriptor only.
    parts_.descriptors.offer(file, now + config_.close_idle);
    parts_.has_free_descriptor = true;
  }
}

void Tailer::wake_followers(TailFile& file) {
  for (TailFile* later = file.after; later != nullptr; later = later->after) {
    if (later->turn == Turn::wants_other) reader_.acked(*later);
  }
}

void Tailer::remove(TailFile& file, bool forgets) {
  static const Checkpoint kForgotten;
  if (file.is_forgotten) return;
  file.is_forgotten = true;
  const SourceId id = file.books.id();
  unname(file);
  reader_.forget(file);
  const Offset acked = file.books.acked(), durable = file.books.durable();
  parts_.ledger.close(file.books);
  std::erase_if(by_inode_, [&file](const auto& entry) { return entry.second == &file; });
  std::erase_if(still_, [&file](const auto& entry) { return entry.second == &file; });
  std::erase_if(moves_, [&file](const auto& entry) { return entry.second.file == &file; });
  dirty_.erase(&file);
  refills_.remove(file);
  file.set_size(durable);
  file.marks.clear();
  wake_followers(file);
  if (file.before != nullptr) file.before->after = file.after;
  if (file.after != nullptr) file.after->before = file.before;
  release_hold(file, file.held_bytes);
  if (newest(file.checkpoint->path) == &file) {
    newest_.erase(std::hash<std::string_view>{}(file.checkpoint->path));
    // What comes under its path next goes where it went, also when the topic has more partitions by then.
    if (file.checkpoint->partition >= 0) {
      partitions_[file.checkpoint->path] = {.partition = file.checkpoint->partition, .at = parts_.now};
    }
  }
  if (file.lag_slot != TailFile::kNoSlot) {
    lagging_[file.lag_slot] = lagging_.back();
    lagging_[file.lag_slot]->lag_slot = file.lag_slot;
    lagging_.pop_back();
  }
  file.lag_slot = TailFile::kNoSlot;
  file.before = file.after = nullptr;
  file.checkpoint = &kForgotten;  // callers up the stack may still hold it
  const auto found = files_.find(id);
  forgotten_.push_back(std::move(found->second));
  files_.erase(found);
  if (forgets) {
    if (!probing_.empty()) gone_.push_back(*parts_.journal.find(id));
    parts_.journal.forget(id);
  } else {
    unbound_.emplace(parts_.journal.find(id)->key.inode, id);  // it may come back under some name
    if (durable < acked) unstored_[id] = durable;
  }
}

void Tailer::update_lag(TailFile& file) {
  if (file.is_forgotten) return;
  file.marks.forget_below(file.books.durable());
  const bool lags = std::max(file.size, file.books.read()) > file.books.durable();
  if (lags && sizes_at_ == kNever) sizes_at_ = parts_.now + kSizesEvery;
  if (lags && file.lag_slot == TailFile::kNoSlot) {
    file.lag_slot = static_cast<std::uint32_t>(lagging_.size());
    lagging_.push_back(&file);
  } else if (!lags && file.lag_slot != TailFile::kNoSlot) {
    lagging_[file.lag_slot] = lagging_.back();
    lagging_[file.lag_slot]->lag_slot = file.lag_slot;
    lagging_.pop_back();
    file.lag_slot = TailFile::kNoSlot;
  }
}

void Tailer::set_targets(bool ends_lines, Instant now) {
  look_at_all(now);
  remember_sizes(now);  // of what goes between now and the next start, nobody could say how much it was
  for (auto& [id, file] : files_) {
    if (file->target != TailFile::kNoTarget) continue;
    file->target = file->extent;
    if (!parts_.is_once && (file->may_refill() || file->is_reading_aside)) {
      recheck(*file);
      refills_.add(*file, now + kRefillEvery);  // waited for, until it has been looked at
      if (!file->fd && !file->path.empty() && !file->is_busy()) want_probe(file->path, *file);
    }
    // Of a file without a name this process reads the last line, or none does; the event that took the name of one that
    // is deleted may be still to come. One that is searched for may have its name still, or another one.
    const bool is_away = file->is_gone() && file->path.empty() && !file->is_searched;
    const bool is_last_chance = file->is_deleted || is_away;
    if ((ends_lines || is_last_chance) && file->size > 0) file->is_ending = true;
    reader_.want(*file);
  }
  start_probes(now);
}

void Tailer::stop_reading(Instant now) {
  remember_sizes(now);
  has_stopped_ = true;
  for (auto& [id, file] : files_) file->target = file->books.read();
}

bool Tailer::is_drained() const {
  if (!is_refill_over()) return false;
  return std::all_of(lagging_.begin(), lagging_.end(), [this](const TailFile* file) {
    const bool is_read = !file->has_work() || (parts_.is_once && !file->trouble.empty());
    // A journal that can store nothing holds nobody up: what it could not store is shipped again.
    const bool is_stored = file->books.durable() == file->books.acked() || parts_.journal.is_degraded();
    return is_read && !file->is_busy() && file->books.is_settled() && is_stored;
  });
}

void Tailer::look_at_all(Instant now) {
  std::vector<TailFile*> open;
  for (auto& [id, file] : files_) {
    if (file->fd) open.push_back(file.get());
  }
  for (TailFile* file : open) look_closely(*file, now);
}

void Tailer::on_deadline(Instant now) {
  end_moves(now);
  end_still_files(now);
  end_vanished(now);
  if (sizes_at_ <= now) remember_sizes(now);
  reread_refills(now);
  if (poll_at_ <= now) {
    look_at_all(now);
    rescan(now);
    poll_at_ = now + config_.poll_interval;
  }
  if (std::min(scan_at_, routine_scan_at_) <= now && !is_scanning_) start_scan(now);
  for (auto it = failed_.begin(); it != failed_.end(); ++it) {
    if (it->second.again_at > now) continue;
    it->second.again_at = kNever;  // until the probe has an answer
    want_probe(it->first, it->second.wanted);
  }
  start_probes(now);
  if (search_again_at_ <= now) {
    search_again_at_ = kNever;
    search(std::exchange(search_again_, {}));
  }
  if (purge_at_ <= now) purge(now);
}

Instant Tailer::next_deadline() const {
  Instant next = std::min(
      {poll_at_, purge_at_, search_again_at_, sizes_at_, is_scanning_ ? kNever : std::min(scan_at_, routine_scan_at_)});
  for (const auto& [path, gone] : vanished_) next = std::min(next, gone.at + kVanishedWithin);
  if (!still_.empty()) next = std::min(next, still_.begin()->first);
  next = std::min(next, refills_.next_deadline());
  for (const auto& [path, retry] : failed_) next = std::min(next, retry.again_at);
  for (const auto& [cookie, move] : moves_) next = std::min(next, move.at + kMovePairsWithin);
  return next;
}

// Checkpoints of files that are gone are kept for forget_after, should they come back.
void Tailer::purge(Instant now) {
  purge_at_ = now + kPurgeEvery;
  const std::int64_t wall = std::chrono::duration_cast<std::chrono::seconds>(parts_.wall.time_since_epoch()).count();
  const std::int64_t keep = std::chrono::duration_cast<std::chrono::seconds>(parts_.forget_after).count();
  std::erase_if(partitions_, [&](const auto& gone) { return now - gone.second.at > parts_.forget_after; });
  std::vector<SourceId> old;
  for (const auto& [id, known] : parts_.journal.all()) {
    if (known.tailer == config_.name && known.is_finished && !known.path.empty() && !files_.contains(id) &&
        known.seen_unix_seconds < wall - keep) {
      old.push_back(id);
    }
  }
  for (const SourceId id : old) {
    std::erase_if(unbound_, [id](const auto& entry) { return entry.second == id; });
    unstored_.erase(id);
    parts_.journal.forget(id);
  }
}

TailFile* Tailer::find(SourceId id) const {
  const auto found = files_.find(id);
  return found == files_.end() ? nullptr : found->second.get();
}

FileCounts Tailer::file_counts() const {
  FileCounts counts;
  for (const auto& [id, file] : files_) {
    if (file->is_parked) {
      ++counts.parked;
    } else if (file->is_gone() && file->is_done()) {
      ++counts.finished;
    } else if (file->fd) {
      ++counts.open;
    } else {
      ++counts.idle;
    }
  }
  return counts;
}

std::uint64_t Tailer::deleted_bytes() const {
  std::uint64_t bytes = 0;
  for (const TailFile* file : lagging_) {
    if (!file->is_deleted || !file->fd) continue;
    const Result<FileStat> stat = parts_.files.stat_fd(file->fd.get());
    if (stat) bytes += stat->on_disk;
  }
  return bytes;
}

}  // namespace tailrace
