#include "sinks/thread_clocks.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace tailrace {

Duration ThreadClocks::read(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return Duration(0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void ThreadClocks::enter(std::string name) {
  clockid_t clock{};
  if (pthread_getcpuclockid(pthread_self(), &clock) != 0) return;
  const std::lock_guard lock(mutex_);
  entries_.push_back({.name = std::move(name), .clock = clock, .at_entry = read(clock)});
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

Duration ThreadClocks::used(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  Duration all = left_, named{0};
  bool is_found = false;
  for (const Entry& entry : entries_) {
    const Duration used = std::max(read(entry.clock) - entry.at_entry, Duration(0));
    all += used;
    if (name.empty() || entry.name != name) continue;
    named += used;
    is_found = true;
  }
  return is_found ? named : all;
}

}  // namespace tailrace
