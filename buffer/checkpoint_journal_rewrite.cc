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

std::uint64_t round_up(std::uint64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

}  // namespace

// Owned by the loop and by the job that works on it; only the job touches it in between.
struct CheckpointJournal::Rewrite {
  SegmentPlan plan;
  std::uint64_t position = 0;  // behind the last record
  UniqueFd fd;
  Takeover takeover;
  Status status;
};

bool CheckpointJournal::needs_rewrite() const {
  // An eighth early: 1 MiB of the smallest segment is time enough to write the next one while appends go on.
  return !segment_.is_usable() || segment_.is_full || segment_.bytes - segment_.position < segment_.bytes / 8;
}

SegmentPlan CheckpointJournal::plan_segment() const {
  SegmentPlan plan;
  plan.epoch = SourceId::random().high;
  SegmentEncoder encoder(plan.epoch, kSegmentHeaderBytes);
  for (const auto& [id, checkpoint] : all_) encoder.identity(checkpoint);
  plan.bytes = round_up(std::max(settings_.segment_bytes_min, 2 * encoder.position()));
  plan.records = std::move(encoder.bytes());
  return plan;
}

Status CheckpointJournal::write_first_segment() {
  const SegmentPlan plan = plan_segment();
  Result<UniqueFd> fd = write_segment(files_, paths_, plan);
  if (!fd) return std::move(fd).error();
  Takeover takeover;
  takeover.fd = fd->get();
  if (Status ok = take_over(files_, paths_, takeover); !ok) return ok;
  segment_ = {std::move(*fd), plan.epoch, plan.bytes, kSegmentHeaderBytes + plan.records.size()};
  return {};
}

void CheckpointJournal::start_rewrite() {
  rewriting_ = Rewriting::written;
  is_rewrite_stale_ = false;
  catch_up_.clear();
  rewrite_ = std::make_shared<Rewrite>();
  rewrite_->plan = plan_segment();
  rewrite_->position = kSegmentHeaderBytes + rewrite_->plan.records.size();
  auto work = [&files = files_, paths = paths_, rewrite = rewrite_] {
    Result<UniqueFd> fd = write_segment(files, paths, rewrite->plan);
    if (fd) {
      rewrite->fd = std::move(*fd);
    } else {
      rewrite->status = std::move(fd).error();
    }
    rewrite->plan.records = std::vector<std::byte>();  // gives the memory back: up to 18 MB for 100,000 files
  };
  workers_.submit(owner_, std::move(work), [this, rewrite = rewrite_](Instant at) { on_rewritten(rewrite, at); });
}

void CheckpointJournal::on_rewritten(const std::shared_ptr<Rewrite>& rewrite, Instant now) {
  if (rewrite->status) {
    rewriting_ = Rewriting::ready;
    return;
  }
  note_failure(rewrite->status.error());
  schedule_retry(now);
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
  auto work = [&files = files_, paths = paths_, rewrite = rewrite_] {
    rewrite->status = take_over(files, paths, rewrite->takeover);
  };
  workers_.submit(owner_, std::move(work), [this, rewrite = rewrite_](Instant at) { on_taken_over(rewrite, at); });
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
  rewrite.takeover.fd = rewrite.fd.get();
  rewrite.takeover.position = rewrite.position;
  rewrite.position = encoder.position();
  rewrite.takeover.catch_up = std::move(encoder.bytes());
  return true;
}

// The new segment has every source as it is now, so whatever any stage waits for is durable when it has taken over.
void CheckpointJournal::gather_into_takeover() {
  TR_ASSERT(!has_io_in_flight(), "{}: a takeover while the old segment is busy", paths_.live);
  taking_over_.since = oldest();
  const auto take = [this](SourceId id) {
    const Checkpoint* known = find(id);
    taking_over_.sources.push(id, known == nullptr ? 0 : known->progress.acked);
  };
  for (std::size_t i = batch_next_; i < batch_.size(); ++i) take(batch_[i].id);
  for (const QueuedSource& item : dirty_.sources.items()) take(item.id);
  for (const QueuedSource& item : written_.sources.items()) take(item.id);
  TR_ASSERT(writing_.sources.empty() && syncing_.sources.empty(), "{}: finished requests were not looked at",
            paths_.live);
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
    note_failure(rewrite->status.error());
    schedule_retry(now);
    // Which of the two a crash leaves is not known any more, so an append to either may be lost with its file.
    if (rewrite->takeover.was_rename_tried) segment_.is_failed = true;
    close_later(std::move(rewrite->fd));
    return back_to_dirty(taking_over_);
  }
  close_later(std::move(segment_.fd));
  segment_ = {std::move(rewrite->fd), rewrite->plan.epoch, rewrite->plan.bytes, rewrite->position};
  ++counters_.compactions;
  if (std::exchange(is_in_trouble_, false)) {
    log::info("{}: checkpoints are stored again, after {} errors", paths_.live, std::exchange(trouble_errors_, 0));
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
