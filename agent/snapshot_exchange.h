// SnapshotExchange: how an HTTP thread gets a fresh Snapshot out of the loop, and learns whether the loop turns.
//
//   HTTP thread ── ticket, eventfd ──▶ loop: one Snapshot for all that wait ──▶ HTTP threads
//
// Nothing is copied, and nothing ticks, while nobody asks. Waits are bounded: a loop that hangs costs its askers their
// patience and gives them the last Snapshot there was. The lock is held for a few assignments on both sides.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "agent/snapshot.h"
#include "base/clock.h"
#include "base/event_fd.h"

namespace tailrace {

// What the HTTP server asks. Any thread.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  // A Snapshot taken after the call began, with at least so many lagging files a tailer (if there are so many); the
  // last one when the loop does not answer in time; null when there is none.
  virtual std::shared_ptr<const Snapshot> fresh(std::size_t lagging_files_max) = 0;
  // Whether the loop turned within the time it is given.
  virtual bool is_turning() = 0;
};

struct ExchangePatience {
  Duration snapshot = std::chrono::seconds(2);
  Duration turn = std::chrono::seconds(5);
};

class SnapshotExchange final : public SnapshotSource {
 public:
  explicit SnapshotExchange(ExchangePatience patience = {});

  std::shared_ptr<const Snapshot> fresh(std::size_t lagging_files_max) override;
  bool is_turning() override;

  // Loop thread: readable when somebody asks; then call `answer`.
  int fd() const { return wake_.fd(); }
  void answer(const std::function<Snapshot(std::size_t lagging_files_max)>& make);
  // Loop thread: nobody is answered any more; who waits is let go at once.
  void close();

 private:
  const ExchangePatience patience_;
  EventFd wake_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::uint64_t asked_ = 0, given_ = 0;    // tickets for a Snapshot
  std::uint64_t pinged_ = 0, turned_ = 0;  // tickets for a sign of life
  std::size_t lagging_files_max_ = 0;      // the most that anyone who waits wants
  bool is_closed_ = false;
  std::shared_ptr<const Snapshot> last_;
};

}  // namespace tailrace
