#include "agent/snapshot_exchange.h"

#include <algorithm>
#include <utility>

namespace tailrace {

SnapshotExchange::SnapshotExchange(ExchangePatience patience) : patience_(patience) {}

LoopQuestions::Ticket SnapshotExchange::ask(LoopQuestion question, Instant now) {
  const std::lock_guard lock(mutex_);
  pending_.emplace(++last_ticket_, Pending{.question = std::move(question), .asked_at = now});
  if (owed_since_ == kNever) owed_since_ = now;
  wake_.signal();
  return last_ticket_;
}

Duration SnapshotExchange::patience_for(const LoopQuestion& question) const {
  return question.wants_snapshot || !question.files.empty() ? patience_.snapshot : patience_.pulse;
}

// A loop that sleeps turns as soon as it is asked; one that is at work may take its time, up to a bound.
bool SnapshotExchange::is_hung(Instant now) const {
  const Instant::rep begun = turn_begun_.load(std::memory_order_relaxed);
  Instant since = owed_since_;
  if (begun != kSleeps) since = std::min(since, Instant(Instant::duration(begun)));
  return now - since >= patience_.hang;
}

std::optional<LoopAnswer> SnapshotExchange::take(Ticket ticket, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(ticket);
  TR_ASSERT(found != pending_.end(), "ticket {} was taken already", ticket);
  Pending& pending = found->second;
  if (!pending.is_answered) {
    if (!is_closed_ && now < pending.asked_at + patience_for(pending.question)) return std::nullopt;
    pending.answer = {.is_turning = !is_closed_ && !is_hung(now), .snapshot = last_, .files = {}, .is_late = true};
  }
  LoopAnswer answer = std::move(pending.answer);
  pending_.erase(found);
  return answer;
}

void SnapshotExchange::forget(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  pending_.erase(ticket);
}

Instant SnapshotExchange::next_deadline() const {
  const std::lock_guard lock(mutex_);
  Instant next = kNever;
  for (const auto& [ticket, pending] : pending_) {
    next = std::min(next, pending.asked_at + patience_for(pending.question));
  }
  return next;
}

void SnapshotExchange::answer(const Loop& loop) {
  wake_.clear();
  LoopQuestion most;
  std::vector<std::pair<Ticket, std::vector<SourceId>>> wanted;
  Ticket asked = 0;
  {
    const std::lock_guard lock(mutex_);
    owed_since_ = kNever;
    asked = last_ticket_;
    for (auto& [ticket, pending] : pending_) {
      if (pending.is_answered) continue;
      most.wants_snapshot = most.wants_snapshot || pending.question.wants_snapshot;
      most.wants_sources = most.wants_sources || pending.question.wants_sources;
      most.lagging_files_max = std::max(most.lagging_files_max, pending.question.lagging_files_max);
      if (!pending.question.files.empty()) wanted.emplace_back(ticket, pending.question.files);
    }
  }
  std::shared_ptr<const Snapshot> made;
  if (most.wants_snapshot) made = std::make_shared<const Snapshot>(loop.snapshot(most));
  std::map<Ticket, std::vector<LaggingFile>> files;
  for (const auto& [ticket, ids] : wanted) files[ticket] = loop.files(ids);
  {
    const std::lock_guard lock(mutex_);
    for (auto& [ticket, pending] : pending_) {
      if (pending.is_answered || ticket > asked) continue;
      pending.is_answered = true;
      pending.answer = {.is_turning = true, .snapshot = made ? made : last_, .files = std::move(files[ticket])};
    }
    if (made) last_.swap(made);
  }
  answered_.signal();  // the old Snapshot is freed here, outside the lock
}

void SnapshotExchange::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  answered_.signal();
}

}  // namespace tailrace
