#include "base/clock.h"

#include <algorithm>

namespace tailrace {

Instant SystemClock::now() const { return std::chrono::steady_clock::now(); }

WallTime wall_time(std::int64_t seconds, std::int64_t nanoseconds) {
  constexpr std::int64_t kSecondsMax = std::chrono::duration_cast<std::chrono::seconds>(Duration::max()).count() / 2;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t whole = std::clamp(seconds, -kSecondsMax, kSecondsMax);
  const std::int64_t part = std::clamp<std::int64_t>(nanoseconds, 0, kSecond - 1);
  return WallTime(Duration(whole * kSecond + part));
}

Duration age_of(WallTime now, WallTime then) {
  if (then >= now) return Duration{0};
  Duration::rep age = 0;
  const bool overflows = __builtin_sub_overflow(now.time_since_epoch().count(), then.time_since_epoch().count(), &age);
  return overflows ? Duration::max() : Duration(age);
}

WallTime SystemClock::wall() const { return std::chrono::system_clock::now(); }

}  // namespace tailrace
