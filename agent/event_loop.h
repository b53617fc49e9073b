// EventLoop: one thread's epoll: descriptors, one deadline, and signals.
//
// Sleeps until a watched descriptor is readable, the deadline has come, or a signal is there; then calls what belongs
// to it and, once a wake-up, the turn. Level triggered: what a callback or a turn leaves unread wakes it again at once.
// All on the thread that calls run(). A spurious wake-up costs a turn and nothing else.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace tailrace {

// SIGTERM, SIGINT and SIGHUP arrive through the loop only; SIGPIPE is ignored. Must be called before the first thread
// starts: threads inherit the mask.
void block_signals();
// The other way round, for the time after the loop: their default action ends the process, also for those pending.
void unblock_signals();

class EventLoop {
 public:
  // Errors: of the kernel (no descriptor left). `clock` must outlive the loop.
  static Result<std::unique_ptr<EventLoop>> create(const Clock& clock);

  // `on_readable` may be empty: the turn reads it. -1 is skipped. The descriptor stays the caller's and must stay open.
  Status watch(int fd, std::function<void(Instant)> on_readable = {});
  // Called for each SIGTERM, SIGINT and SIGHUP, before the turn. Several of one kind may arrive as one.
  void on_signal(std::function<void(int signal, Instant now)> callback) { on_signal_ = std::move(callback); }

  // Turns once at the start and after each wake-up, until stop() was called from inside. `next_deadline` is asked after
  // each turn; kNever sleeps without end.
  void run(const std::function<void(Instant, WallTime)>& turn, const std::function<Instant()>& next_deadline);
  void stop() { is_stopped_ = true; }

 private:
  struct Watched {
    int fd;
    std::function<void(Instant)> on_readable;
  };

  explicit EventLoop(const Clock& clock) : clock_(clock) {}
  void sleep_until(Instant deadline);
  int arm(Instant deadline);  // the timeout for epoll_wait, in milliseconds
  void read_signals(Instant now);

  const Clock& clock_;
  UniqueFd epoll_, timer_, signals_;
  std::vector<std::unique_ptr<Watched>> watched_;  // epoll points at them
  std::function<void(int, Instant)> on_signal_;
  Instant armed_ = kNever;  // when the timer will fire; kNever: it is not armed
  bool is_stopped_ = false;
};

}  // namespace tailrace
