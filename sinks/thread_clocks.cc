#include "sinks/thread_clocks.h"

#include <pthread.h>

#include <algorithm>

namespace tailrace {

Duration ThreadClocks::read(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return Duration(0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void ThreadClocks::enter() {
  clockid_t clock{};
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return;
  const std::lock_guard lock(mutex_);
  entries_.push_back({clock, read(clock)});
}

void ThreadClocks::leave() {
  clockid_t clock{};
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return;
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.clock == clock; });
  if (entry == entries_.end()) return;
  left_ += read(clock) - entry->at_entry;
  entries_.erase(entry);
}

Duration ThreadClocks::used() const {
  const std::lock_guard lock(mutex_);
  Duration sum = left_;
  for (const Entry& entry : entries_) sum += std::max(read(entry.clock) - entry.at_entry, Duration(0));
  return sum;
}

}  // namespace tailrace
