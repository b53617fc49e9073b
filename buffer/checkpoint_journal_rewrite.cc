// CheckpointJournal's new segments: at the start, when one is full, and after whatever failed.
//
//   no ──▶ written (worker) ──▶ ready ──▶ takes_over (worker) ──▶ no
//           │ appends go on      │ the last    │ what changed meanwhile is added,
//           │ in the old one     │ append and  │ fsynced, renamed, the directory fsynced;
//           │                    │ fsync end   │ nothing is appended anywhere
//
// So at the moment of the rename, whichever of the two a crash leaves, it holds all that ever counted as durable: the
// old one because it was never given up before, the new one because it has every source as it is in memory.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "buffer/checkpoint_journal.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kBlock = 4096;

// What does not heal by itself is said again: it is often the second failure, behind one that was.
void say_if_somebody_must_act(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::refused:
    case ErrorKind::fenced:
    case ErrorKind::bad_input:
    case ErrorKind::permission:
    case ErrorKind::unsupported:
      log::error("{}", error.text());
      return;
    case ErrorKind::not_found:
    case ErrorKind::again:
    case ErrorKind::no_space:
    case ErrorKind::read_only:
    case ErrorKind::too_many_files:
    case ErrorKind::io:
      return;
  }
}

std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

}  // namespace

// Owned by the loop and by the job that works on it; only the job touches it in between.
struct CheckpointJournal::Rewrite {
  void write(FileSystem& files, StateHome& home);
  void take_over(FileSystem& files, StateHome& home);

  SegmentPlan plan;
  std::uint64_t position = 0;  // behind the last record
  std::shared_ptr<UniqueFd> directory;
  UniqueFd fd;
  Takeover takeover;
  Status status;
};

bool CheckpointJournal::needs_rewrite() const {
  // An eighth early: 1 MiB of the smallest segment is time enough to write the next one while appends go on.
  return !segment_.is_usable() || segment_.is_full || segment_.bytes - segment_.position < segment_.bytes / 8;
}

// Every source as it is now.
void CheckpointJournal::plan_rewrite() {
  rewrite_ = std::make_shared<Rewrite>();
  SegmentPlan& plan = rewrite_->plan;
  plan.epoch = epoch_family_ | (++segments_ & ~kEpochFamilyMask);
  SegmentEncoder encoder(plan.epoch, kSegmentHeaderBytes);
  for (const auto& [id, checkpoint] : all_) encoder.identity(checkpoint);
  plan.bytes = round_up(std::max(settings_.segment_bytes_min, 2 * encoder.position()));
  plan.records = std::move(encoder.bytes());
  rewrite_->position = kSegmentHeaderBytes + plan.records.size();
  rewrite_->takeover.epoch_family = epoch_family_;
  rewrite_->takeover.replayed_epoch = replayed_epoch_;
  rewrite_->takeover.puts_aside = must_go_aside_;
}

// On a worker, or at the start.
void CheckpointJournal::Rewrite::write(FileSystem& files, StateHome& home) {
  Result<std::shared_ptr<UniqueFd>> opened = home.open();
  if (!opened) {
    status = std::move(opened).error();
    return;
  }
  directory = std::move(*opened);
  Result<UniqueFd> written = write_segment(files, directory->get(), plan);
  if (written) {
    fd = std::move(*written);
  } else {
    status = std::move(written).error().during("state_dir", home.path());
  }
  plan.records = std::vector<std::byte>();  // gives the memory back: up to 18 MB for 100,000 files
}

void CheckpointJournal::Rewrite::take_over(FileSystem& files, StateHome& home) {
  takeover.fd = fd.get();
  status = home.sync_name();
  if (status) status = tailrace::take_over(files, directory->get(), takeover);
  if (!status) status = std::move(status).error().during("state_dir", home.path());
}

bool CheckpointJournal::begin() {
  if (!settings_.is_stored) return true;
  TR_ASSERT(!segment_.fd && rewriting_ == Rewriting::no, "{}: begun twice", live_);
  plan_rewrite();
  const std::shared_ptr<Rewrite> first = std::exchange(rewrite_, nullptr);
  first->write(files_, *home_);
  if (first->status) first->take_over(files_, *home_);
  if (!first->status) {
    note_failure(first->status.error());
    has_retried_ = true;
    return false;
  }
  segment_ = {std::move(first->fd), first->plan.epoch, first->plan.bytes, first->position};
  must_go_aside_ = false;
  return true;
}

void CheckpointJournal::start_rewrite() {
  rewriting_ = Rewriting::written;
  is_rewrite_stale_ = false;
  catch_up_.clear();
  plan_rewrite();
  workers_.submit(
      owner_, [&files = files_, home = home_, rewrite = rewrite_] { rewrite->write(files, *home); },
      [this, rewrite = rewrite_](Instant at) { on_rewritten(rewrite, at); });
}

void CheckpointJournal::on_rewritten(const std::shared_ptr<Rewrite>& rewrite, Instant now) {
  if (rewrite->status) {
    rewriting_ = Rewriting::ready;
    return;
  }
  if (is_in_trouble_) say_if_somebody_must_act(rewrite->status.error());
  note_failure(rewrite->status.error());
  schedule_retry(now);
  has_retried_ = true;
  rewriting_ = Rewriting::no;
  rewrite_.reset();
  catch_up_.clear();
}

void CheckpointJournal::start_takeover() {
  if (is_rewrite_stale_ || !encode_catch_up(*rewrite_)) {
    close_later(std::move(rewrite_->fd));
    rewrite_.reset();
    rewriting_ = Rewriting::no;  // the next turn begins again
    return;
  }
  rewriting_ = Rewriting::takes_over;
  gather_into_takeover();
  workers_.submit(
      owner_, [&files = files_, home = home_, rewrite = rewrite_] { rewrite->take_over(files, *home); },
      [this, rewrite = rewrite_](Instant at) { on_taken_over(rewrite, at); });
}

// False: what changed meanwhile is more than the new segment has room for.
bool CheckpointJournal::encode_catch_up(Rewrite& rewrite) {
  SegmentEncoder encoder(rewrite.plan.epoch, rewrite.position);
  catch_up_.coalesce();
  for (const QueuedSource& item : catch_up_.items()) {
    const Checkpoint* known = find(item.id);
    if (known == nullptr) {
      encoder.forget(item.id);
    } else if (item.value > 0) {
      encoder.identity(*known);
    } else {
      encoder.progress(item.id, known->progress);
    }
  }
  catch_up_.clear();
  if (encoder.position() > rewrite.plan.bytes) return false;
  rewrite.takeover.position = rewrite.position;
  rewrite.position = encoder.position();
  rewrite.takeover.catch_up = std::move(encoder.bytes());
  return true;
}

// The new segment has every source as it is now, so whatever any stage waits for is durable when it has taken over.
void CheckpointJournal::gather_into_takeover() {
  TR_ASSERT(!has_io_in_flight(), "{}: a takeover while the old segment is busy", live_);
  taking_over_.since = oldest();
  const auto take = [this](SourceId id) {
    const Checkpoint* known = find(id);
    taking_over_.sources.push(id, known == nullptr ? 0 : known->progress.acked);
  };
  for (std::size_t i = batch_next_; i < batch_.size(); ++i) take(batch_[i].id);
  for (const QueuedSource& item : dirty_.sources.items()) take(item.id);
  for (const QueuedSource& item : written_.sources.items()) take(item.id);
  TR_ASSERT(writing_.sources.empty() && syncing_.sources.empty(), "{}: finished requests were not looked at", live_);
  batch_.clear();
  batch_next_ = 0;
  batch_since_ = kNever;
  dirty_.clear();
  written_.clear();
}

void CheckpointJournal::on_taken_over(const std::shared_ptr<Rewrite>& rewrite, Instant now) {
  rewriting_ = Rewriting::no;
  rewrite_.reset();
  if (!rewrite->status) {
    if (is_in_trouble_) say_if_somebody_must_act(rewrite->status.error());
    note_failure(rewrite->status.error());
    schedule_retry(now);
    has_retried_ = true;
    // Which of the two a crash leaves is not known any more, so an append to either may be lost with its file.
    if (rewrite->takeover.was_rename_tried) segment_.is_failed = true;
    close_later(std::move(rewrite->fd));
    return back_to_dirty(taking_over_);
  }
  close_later(std::move(segment_.fd));
  segment_ = {std::move(rewrite->fd), rewrite->plan.epoch, rewrite->plan.bytes, rewrite->position};
  must_go_aside_ = false;
  wants_look_ = true;  // the directory may have gone while this was written
  ++counters_.compactions;
  if (std::exchange(is_in_trouble_, false)) {
    log::info("{}: checkpoints are stored again, after {} errors", live_, std::exchange(trouble_errors_, 0));
  }
  publish(taking_over_);
}

// On a worker: the last close of a file without a name frees its blocks, which may take the disk's time.
void CheckpointJournal::close_later(UniqueFd fd) {
  if (!fd) return;
  auto shared = std::make_shared<UniqueFd>(std::move(fd));
  workers_.submit([shared] { shared->reset(); });
}

}  // namespace tailrace
