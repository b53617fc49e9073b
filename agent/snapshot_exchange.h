// SnapshotExchange: how the HTTP thread asks the loop for what it shows, and learns whether the loop turns.
//
//   HTTP thread ── question, eventfd ──▶ loop: one Snapshot for all that ask ── answers, eventfd ──▶ HTTP thread
//
// Neither side waits. Nothing is copied, and nothing ticks, while nobody asks. A loop that hangs costs its askers their
// patience and gives them the last Snapshot there was. The lock is held for a few assignments on both sides.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "agent/snapshot.h"
#include "base/clock.h"
#include "base/event_fd.h"
#include "buffer/source.h"

namespace tailrace {

// What is wanted beside a sign of life.
struct LoopQuestion {
  bool wants_snapshot = false;
  std::size_t lagging_files_max = 0;  // at least so many a tailer in it, if there are so many
  bool wants_sources = false;         // `sources_lagging` in it
  std::vector<SourceId> files;        // what is to be said of these
};

struct LoopAnswer {
  bool is_turning = false;
  std::shared_ptr<const Snapshot> snapshot;  // null: there is none
  std::vector<LaggingFile> files;            // without those that are gone
  bool is_late = false;                      // the loop did not answer: the snapshot is an old one, files are missing
};

// What the HTTP server asks. Any one thread, beside the loop's.
class LoopQuestions {
 public:
  using Ticket = std::uint64_t;
  virtual ~LoopQuestions() = default;
  virtual Ticket ask(LoopQuestion question, Instant now) = 0;
  // nullopt: not answered yet; look again when `fd` is readable or `next_deadline` has come. Given once a ticket.
  virtual std::optional<LoopAnswer> take(Ticket ticket, Instant now) = 0;
  virtual void forget(Ticket ticket) = 0;  // nobody will take it
  virtual Instant next_deadline() const = 0;
  virtual int fd() const = 0;
  virtual void clear() = 0;  // before the tickets are looked at
};

struct ExchangePatience {
  Duration snapshot = std::chrono::seconds(2);
  Duration pulse = std::chrono::milliseconds(500);  // a probe wants its answer within 1 s
  Duration hang = std::chrono::seconds(10);         // so long a turn may take before the loop counts as hung
};

class SnapshotExchange final : public LoopQuestions {
 public:
  explicit SnapshotExchange(ExchangePatience patience = {});

  Ticket ask(LoopQuestion question, Instant now) override;
  std::optional<LoopAnswer> take(Ticket ticket, Instant now) override;
  void forget(Ticket ticket) override;
  Instant next_deadline() const override;
  int fd() const override { return answered_.fd(); }
  void clear() override { answered_.clear(); }

  // What the loop says, each called on its thread within `answer`.
  struct Loop {
    std::function<Snapshot(const LoopQuestion& most)> snapshot;  // one that is enough for all that ask
    std::function<std::vector<LaggingFile>(const std::vector<SourceId>&)> files;
  };
  // Loop thread: readable when somebody asks; then call `answer`.
  int asked_fd() const { return wake_.fd(); }
  void answer(const Loop& loop);
  // Loop thread: around each turn. One that hangs is known by it, also when nobody had asked meanwhile.
  void begin_turn(Instant now) { turn_begun_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  void end_turn() { turn_begun_.store(kSleeps, std::memory_order_relaxed); }
  // Loop thread: nobody is answered any more; who waits is let go at once.
  void close();

 private:
  static constexpr Instant::rep kSleeps = Instant::min().time_since_epoch().count();
  struct Pending {
    LoopQuestion question;
    Instant asked_at;
    bool is_answered = false;
    LoopAnswer answer = {};
  };
  Duration patience_for(const LoopQuestion& question) const;
  bool is_hung(Instant now) const;  // under the lock

  const ExchangePatience patience_;
  EventFd wake_, answered_;
  std::atomic<Instant::rep> turn_begun_ = kSleeps;

  mutable std::mutex mutex_;
  Ticket last_ticket_ = 0;
  std::map<Ticket, Pending> pending_;
  // Since when the loop owes an answer: it was woken and has not come. kNever: it owes none.
  Instant owed_since_ = kNever;
  bool is_closed_ = false;
  std::shared_ptr<const Snapshot> last_;
};

}  // namespace tailrace
