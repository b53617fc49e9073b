// FakeSnapshotSource: a loop that answers what the test has set, at once.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "agent/snapshot_exchange.h"

namespace tailrace {

class FakeSnapshotSource : public LoopQuestions {
 public:
  Ticket ask(LoopQuestion question, Instant) override {
    const std::lock_guard lock(mutex_);
    if (question.wants_snapshot) last_ = question;
    asked_.emplace(++last_ticket_, std::move(question));
    answered_.signal();
    return last_ticket_;
  }
  std::optional<LoopAnswer> take(Ticket ticket, Instant) override {
    const std::lock_guard lock(mutex_);
    if (is_silent_) return std::nullopt;
    LoopAnswer answer = {.is_turning = turning_, .snapshot = snapshot_, .files = {}};
    for (const SourceId id : asked_.at(ticket).files) {
      if (const auto found = files_.find(id); found != files_.end()) answer.files.push_back(found->second);
    }
    files_most_ = std::max(files_most_, answer.files.size());
    asked_.erase(ticket);
    return answer;
  }
  void forget(Ticket ticket) override {
    const std::lock_guard lock(mutex_);
    asked_.erase(ticket);
  }
  Instant next_deadline() const override { return kNever; }
  int fd() const override { return answered_.fd(); }
  void clear() override { answered_.clear(); }

  void set(Snapshot snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::make_shared<const Snapshot>(std::move(snapshot));
  }
  void set_files(std::map<SourceId, LaggingFile> files) {
    const std::lock_guard lock(mutex_);
    files_ = std::move(files);
  }
  void set_turning(bool turning) {
    const std::lock_guard lock(mutex_);
    turning_ = turning;
  }
  // While it is, nobody is answered.
  void set_silent(bool silent) {
    const std::lock_guard lock(mutex_);
    is_silent_ = silent;
    answered_.signal();
  }
  // What was asked last together with a Snapshot.
  LoopQuestion last_question() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  std::size_t files_most_at_once() {
    const std::lock_guard lock(mutex_);
    return files_most_;
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

 private:
  std::mutex mutex_;
  EventFd answered_;
  Ticket last_ticket_ = 0;
  std::map<Ticket, LoopQuestion> asked_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::map<SourceId, LaggingFile> files_;
  LoopQuestion last_;
  std::size_t files_most_ = 0;
  bool turning_ = true, is_silent_ = false;
};

}  // namespace tailrace
