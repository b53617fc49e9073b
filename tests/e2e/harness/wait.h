// wait: for a condition, with a bound. The one place of these tests that lets time pass.
#pragma once

#include <poll.h>

#include <chrono>

namespace tailrace::e2e {

using Bound = std::chrono::milliseconds;

// Between two looks at a condition, and for a writer that is ahead of its rate.
inline void pause(std::chrono::milliseconds length) { ::poll(nullptr, 0, static_cast<int>(length.count())); }

// True as soon as `condition()` is; false when it still was not at the bound.
template <class Condition>
bool wait_until(Condition&& condition, Bound bound, std::chrono::milliseconds step = std::chrono::milliseconds(5)) {
  const auto end = std::chrono::steady_clock::now() + bound;
  while (true) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    pause(step);
  }
}

}  // namespace tailrace::e2e
