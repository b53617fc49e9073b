#include "buffer/checkpoint_journal.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kProgressChanged = 0, kIdentityChanged = 1;
constexpr std::uint64_t kWriteToken = 1, kSyncToken = 2;
constexpr std::size_t kWriteBytesMax = 1024 * 1024;
constexpr std::size_t kFsyncSecondsMax = 4096;  // when nobody takes them
// So many forgotten sources may wait for a disk that does not answer; past it a new segment, which simply lacks them,
// is cheaper than noting each.
constexpr std::size_t kForgottenMax = 65'536;
constexpr Duration kLookEvery = std::chrono::seconds(1);

struct Loaded {
  StoredCheckpoints stored;
  std::uint64_t epoch = 0;
  bool must_go_aside = false;
};

// `directory`: -1 when there is none.
Result<Loaded> load(FileSystem& files, int directory, const std::string& path) {
  Loaded loaded;
  if (directory < 0) return loaded;
  Result<std::vector<std::byte>> file = read_segment_file(files, directory);
  if (!file && file.error().kind() != ErrorKind::not_found) return std::move(file).error().during("read", path);
  if (!file) {
    // The bad one is put aside before a new one is written. A crash between the two must not look like a first start.
    Result<UniqueFd> bad = files.open_in(directory, kBadName, OpenIn::read);
    loaded.stored.opened.existed = bad || bad.error().kind() != ErrorKind::not_found;
    return loaded;
  }
  Result<SegmentContents> contents = replay_segment(*file);
  if (!contents) return std::move(contents).error().during("read", path);
  loaded.epoch = contents->epoch;
  loaded.stored.opened.existed = true;
  loaded.stored.opened.is_usable = contents->records > 0;
  loaded.stored.opened.bad_at = contents->bad_at;
  loaded.must_go_aside = contents->records == 0 && !(contents->is_header_good && contents->bad_at == 0);
  loaded.stored.sources = std::move(contents->sources);
  return loaded;
}

// Of a directory that cannot be opened: that there is no journal, or that nobody can tell.
Status must_be_missing(FileSystem& files, const std::string& directory, const Error& error) {
  if (const Result<FileStat> there = files.stat(directory); !there) return {};
  if (error.kind() == ErrorKind::permission || error.kind() == ErrorKind::bad_input) return error;
  return Error(ErrorKind::again, error.text());
}

}  // namespace

Result<StoredCheckpoints> read_checkpoints(FileSystem& files, const std::string& directory) {
  Result<UniqueFd> fd = files.open_directory(directory);
  if (!fd) {
    if (Status missing = must_be_missing(files, directory, fd.error()); !missing) return std::move(missing).error();
  }
  Result<Loaded> loaded = load(files, fd ? fd->get() : -1, directory + "/" + kLiveName);
  if (!loaded) return std::move(loaded).error();
  return std::move(loaded->stored);
}

CheckpointJournal::CheckpointJournal(JournalSettings settings, FileSystem& files, IoEngine& engine, WorkerPool& workers)
    : settings_(std::move(settings)),
      home_(settings_.home ? settings_.home : std::make_shared<StateHome>(files, settings_.directory)),
      live_(settings_.directory + "/" + kLiveName),
      files_(files),
      engine_(engine),
      workers_(workers) {}

CheckpointJournal::~CheckpointJournal() = default;

Result<JournalOpened> CheckpointJournal::open() {
  TR_ASSERT(!segment_.fd && all_.empty(), "{}: opened twice", live_);
  if (!settings_.is_stored) {
    Result<StoredCheckpoints> stored = read_checkpoints(files_, settings_.directory);
    if (!stored) return std::move(stored).error();
    all_ = std::move(stored->sources);
    return stored->opened;
  }
  const Result<std::shared_ptr<UniqueFd>> directory = home_->open();
  if (!directory) {
    Status missing = must_be_missing(files_, settings_.directory, directory.error());
    if (!missing) return std::move(missing).error();
  }
  Result<Loaded> loaded = load(files_, directory ? (*directory)->get() : -1, live_);
  if (!loaded) return std::move(loaded).error();
  const JournalOpened opened = loaded->stored.opened;
  all_ = std::move(loaded->stored.sources);
  replayed_epoch_ = loaded->epoch;
  must_go_aside_ = loaded->must_go_aside;
  if (must_go_aside_ || opened.bad_at != 0) ++counters_.errors;
  if (must_go_aside_) {
    log::error("{}: holds not one good checkpoint; every file starts at its beginning, the file is kept as {}", live_,
               kBadName);
  } else if (opened.bad_at != 0) {
    log::warn("{}: damaged at byte {}; the {} checkpoints before it count", live_, opened.bad_at, all_.size());
  }
  return opened;
}

const Checkpoint* CheckpointJournal::find(SourceId id) const {
  const auto known = all_.find(id);
  return known == all_.end() ? nullptr : &known->second;
}

const Checkpoint& CheckpointJournal::put(Checkpoint checkpoint) {
  const SourceId id = checkpoint.id;
  Checkpoint& stored = all_[id];
  stored = std::move(checkpoint);
  mark(id, kIdentityChanged);
  return stored;
}

void CheckpointJournal::advance(SourceId id, const Progress& progress) {
  const auto known = all_.find(id);
  TR_ASSERT(known != all_.end(), "progress of the unknown source {}", id.hex());
  known->second.progress = progress;
  if (settings_.is_stored) {
    mark(id, kProgressChanged);
  } else if (on_durable_) {
    on_durable_(id, progress.acked);
  }
}

void CheckpointJournal::forget(SourceId id) {
  if (all_.erase(id) > 0) mark(id, kIdentityChanged);
}

void CheckpointJournal::mark(SourceId id, std::uint64_t change) {
  if (!settings_.is_stored) return;
  dirty_.sources.push(id, change);
  if (rewriting_ == Rewriting::written || rewriting_ == Rewriting::ready) catch_up_.push(id, change);
}

void CheckpointJournal::turn(Instant now) {
  if (!settings_.is_stored) return;
  stamp(now);
  bound_memory();
  if (rewriting_ == Rewriting::no && needs_rewrite() && may_retry(now)) start_rewrite();
  if (rewriting_ == Rewriting::ready && !has_io_in_flight()) start_takeover();
  start_write();
  start_sync(now);
  start_look(now);
}

void CheckpointJournal::stamp(Instant now) {
  if (!dirty_.sources.empty()) dirty_.since = std::min(dirty_.since, now);
}

void CheckpointJournal::bound_memory() {
  const auto is_forgotten = [this](const QueuedSource& item) { return !all_.contains(item.id); };
  if (dirty_.sources.size() > 2 * all_.size() + kForgottenMax) {
    dirty_.sources.coalesce();
    dirty_.sources.erase_if(is_forgotten);
    segment_.is_full = true;  // a new one is written, which does not have them
    is_rewrite_stale_ = true;
  }
  if (catch_up_.size() > 2 * all_.size() + kForgottenMax) {
    catch_up_.clear();
    is_rewrite_stale_ = true;
  }
}

Instant CheckpointJournal::next_deadline() const {
  if (!settings_.is_stored) return kNever;
  if (rewriting_ == Rewriting::ready && !has_io_in_flight()) return Instant::min();
  if (is_appending() && !is_writing_ && has_changes()) return Instant::min();
  Instant retry = rewriting_ == Rewriting::no && needs_rewrite() ? retry_at_ : kNever;
  if (retry != kNever && is_hurried_ && !has_retried_) retry = Instant::min();
  return std::min({retry, sync_due(), look_due()});
}

void CheckpointJournal::on_io_done(std::uint64_t token, std::int64_t result, Instant now) {
  if (token == kWriteToken) {
    on_written(result, now);
  } else {
    on_synced(result, now);
  }
  // Not a write: what changes until the turn's end goes with it.
  start_sync(now);
}

bool CheckpointJournal::is_settled() const {
  if (!settings_.is_stored) return true;
  return segment_.is_usable() && !segment_.is_full && oldest() == kNever && !has_changes() && !wants_look_ &&
         !is_looking_;
}

void CheckpointJournal::hurry(bool is_hurried) { is_hurried_ = is_hurried; }

bool CheckpointJournal::is_degraded() const {
  if (!settings_.is_stored) return false;
  return !segment_.is_usable() || (segment_.is_full && is_in_trouble_);
}

double CheckpointJournal::unsynced_seconds(Instant now) const {
  const Instant since = oldest();
  return since == kNever ? 0 : std::max(0.0, to_seconds(now - since));
}

Instant CheckpointJournal::oldest() const {
  return std::min({dirty_.since, batch_since_, writing_.since, written_.since, syncing_.since, taking_over_.since});
}

// ---- appending

bool CheckpointJournal::is_appending() const {
  return segment_.is_usable() && !segment_.is_full && (rewriting_ == Rewriting::no || rewriting_ == Rewriting::written);
}

void CheckpointJournal::start_write() {
  if (!is_appending() || is_writing_ || !has_changes()) return;
  if (batch_next_ == batch_.size()) {
    dirty_.sources.take(batch_);
    batch_next_ = 0;
    batch_since_ = std::exchange(dirty_.since, kNever);
  }
  encode_batch();
  if (!buffer_.empty()) submit_write();
}

// As much of the batch as one write takes and the segment has room for. Values are today's, not those of the change.
void CheckpointJournal::encode_batch() {
  SegmentEncoder encoder(segment_.epoch, segment_.position);
  std::swap(encoder.bytes(), buffer_);  // its memory, again and again
  encoder.bytes().clear();
  writing_.since = batch_since_;
  while (batch_next_ < batch_.size() && encoder.size() < kWriteBytesMax) {
    const QueuedSource& item = batch_[batch_next_];
    const std::size_t before = encoder.size();
    const Checkpoint* known = find(item.id);
    if (known == nullptr) {
      encoder.forget(item.id);
    } else if (item.value == kIdentityChanged) {
      encoder.identity(*known);
    } else {
      encoder.progress(item.id, known->progress);
    }
    if (encoder.position() > segment_.bytes) {
      encoder.cut(before);
      segment_.is_full = true;
      break;
    }
    writing_.sources.push(item.id, known == nullptr ? 0 : known->progress.acked);
    ++batch_next_;
  }
  if (batch_next_ == batch_.size()) batch_since_ = kNever;
  std::swap(encoder.bytes(), buffer_);
  buffer_done_ = 0;
  if (buffer_.empty()) writing_.clear();
}

void CheckpointJournal::submit_write() {
  crash_point("journal.before_append");
  is_writing_ = true;
  engine_.submit({.op = IoRequest::Op::write,
                  .fd = segment_.fd.get(),
                  .buffer = buffer_.data() + buffer_done_,
                  .bytes = static_cast<std::uint32_t>(buffer_.size() - buffer_done_),
                  .offset = segment_.position + buffer_done_,
                  .client = this,
                  .token = kWriteToken});
}

void CheckpointJournal::on_written(std::int64_t result, Instant now) {
  is_writing_ = false;
  if (segment_.is_failed) return back_to_dirty(writing_);  // an fsync failed meanwhile
  if (result <= 0) {
    const int sys_errno = result == 0 ? EIO : static_cast<int>(-result);
    return fail_segment(Error::from_errno(sys_errno).during("write", live_), now);
  }
  buffer_done_ += static_cast<std::size_t>(result);
  if (buffer_done_ < buffer_.size()) return submit_write();
  segment_.position += buffer_.size();
  ++counters_.writes;
  wants_look_ = true;
  crash_point("journal.after_append");
  if (settings_.fsync == JournalFsync::off) {
    retry_delay_ = Duration{0};
    return publish(writing_);
  }
  for (const QueuedSource& item : writing_.sources.items()) written_.sources.push(item.id, item.value);
  written_.since = std::min(written_.since, writing_.since);
  writing_.clear();
}

Instant CheckpointJournal::sync_due() const {
  // A full segment is synced as well. One that waits for its successor is not: the takeover covers what it holds.
  const bool is_at_rest = rewriting_ == Rewriting::ready || rewriting_ == Rewriting::takes_over;
  if (!segment_.is_usable() || is_at_rest || is_syncing_ || written_.sources.empty()) return kNever;
  if (settings_.fsync == JournalFsync::sync || is_hurried_) return Instant::min();
  return written_.since + settings_.interval;
}

void CheckpointJournal::start_sync(Instant now) {
  const Instant due = sync_due();
  if (due == kNever || due > now) return;
  crash_point("journal.before_fsync");
  std::swap(syncing_, written_);
  is_syncing_ = true;
  sync_began_ = now;
  engine_.submit({.op = IoRequest::Op::sync_data, .fd = segment_.fd.get(), .client = this, .token = kSyncToken});
}

void CheckpointJournal::on_synced(std::int64_t result, Instant now) {
  is_syncing_ = false;
  if (counters_.fsync_seconds.size() < kFsyncSecondsMax)
    counters_.fsync_seconds.push_back(to_seconds(now - sync_began_));
  if (result < 0) {
    return fail_segment(Error::from_errno(static_cast<int>(-result)).during("fsync", live_), now);
  }
  // True also when a write failed meanwhile: this covers what was written before it.
  retry_delay_ = Duration{0};
  publish(syncing_);
}

// Nothing more goes to this segment, above all no second fsync: the kernel may have dropped the pages and would call it
// done. All that does not count as durable yet comes with the new one.
void CheckpointJournal::fail_segment(const Error& error, Instant now) {
  note_failure(error);
  if (!segment_.is_failed) {
    schedule_retry(now);
    has_retried_ = false;
  }
  segment_.is_failed = true;
  if (!is_writing_) back_to_dirty(writing_);
  back_to_dirty(written_);
  if (!is_syncing_) back_to_dirty(syncing_);
}

// ---- whether it can be found

Instant CheckpointJournal::look_due() const {
  if (!wants_look_ || is_looking_ || !segment_.is_usable()) return kNever;
  return is_hurried_ ? Instant::min() : look_allowed_at_;
}

// Somebody may have removed the directory, or mounted another over it: what is written then is found by nobody.
void CheckpointJournal::start_look(Instant now) {
  const Instant due = look_due();
  if (due == kNever || due > now) return;
  wants_look_ = false;
  look_allowed_at_ = now + kLookEvery;
  const Result<FileStat> stat = files_.stat_fd(segment_.fd.get());
  if (stat && stat->links == 0) {
    return fail_segment(Error(ErrorKind::not_found, live_ + " was removed; it is written anew"), now);
  }
  is_looking_ = true;
  auto found = std::make_shared<Status>();
  workers_.submit(
      owner_, [home = home_, found] { *found = home->look(); },
      [this, found, epoch = segment_.epoch](Instant at) { on_looked(*found, epoch, at); });
}

void CheckpointJournal::on_looked(const Status& found, std::uint64_t epoch, Instant now) {
  is_looking_ = false;
  // Of a segment that was replaced meanwhile: the one that did looks for itself.
  if (found || epoch != segment_.epoch) return;
  fail_segment(Error(found.error().kind(), "state_dir " + found.error().text()), now);
}

// ---- what the stages have in common

void CheckpointJournal::back_to_dirty(Offsets& stage) {
  for (const QueuedSource& item : stage.sources.items()) mark(item.id, kIdentityChanged);
  dirty_.since = std::min(dirty_.since, stage.since);
  stage.clear();
}

void CheckpointJournal::publish(Offsets& stage) {
  const Offsets done = std::exchange(stage, Offsets{});
  if (!on_durable_) return;
  for (const QueuedSource& item : done.sources.items()) {
    if (all_.contains(item.id)) on_durable_(item.id, item.value);
  }
}

void CheckpointJournal::note_failure(const Error& error) {
  ++counters_.errors;
  ++trouble_errors_;
  if (std::exchange(is_in_trouble_, true)) return;
  log::error("{}; checkpoints are not stored until it heals, shipping goes on", error.text());
}

void CheckpointJournal::schedule_retry(Instant now) {
  constexpr Duration kShortest = std::chrono::seconds(1), kLongest = std::chrono::seconds(30);
  retry_at_ = now + retry_delay_;
  retry_delay_ = std::clamp(retry_delay_ * 2, kShortest, kLongest);
}

}  // namespace tailrace
