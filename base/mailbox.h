// Mailbox: a bounded queue with an eventfd, the only way from a thread to the loop.
//
// Any thread pushes, the loop drains. The lock is held for a push or a swap only, so the loop never waits for a
// thread's work. What to do when it is full is the pusher's decision: drop and count, or wait where waiting is allowed.
#pragma once

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "base/event_fd.h"

namespace tailrace {

template <class T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t items_max) : items_max_(items_max) {}

  // Any thread. False: full, and `item` is as it was.
  [[nodiscard]] bool push(T&& item) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      if (items_.size() >= items_max_) return false;
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    // One wake-up a drain, not one an item: a busy thread then costs the loop one read(2) a turn.
    if (was_empty) wake_.signal();
    return true;
  }

  // Loop thread: all that was pushed before, in the order of the pushes (of one thread).
  std::vector<T> drain() {
    // Cleared before the swap: a push in between finds the box not empty and does not signal, but is in the swap.
    wake_.clear();
    std::vector<T> taken;
    const std::lock_guard lock(mutex_);
    taken.swap(items_);
    return taken;
  }

  int fd() const { return wake_.fd(); }  // readable when there is something to drain

 private:
  const std::size_t items_max_;
  EventFd wake_;
  std::mutex mutex_;
  std::vector<T> items_;
};

}  // namespace tailrace
