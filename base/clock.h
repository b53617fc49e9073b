// Clock: the one place that asks what time it is. Below agent/ time comes in as an argument.
#pragma once

#include <chrono>
#include <cstdint>

namespace tailrace {

using Duration = std::chrono::nanoseconds;
// Monotonic; never jumps. Deadlines, ages and rates are made of it.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// UTC; may jump. Only for timestamps that people and Kafka see, and to age a file by its mtime.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

inline constexpr Instant kNever = Instant::max();

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
};

// A time that the outside gives, in seconds and nanoseconds since 1970. What lies more than some 146 years from then is
// taken for that: no sum or difference of two times can overflow.
WallTime wall_time(std::int64_t seconds, std::int64_t nanoseconds);

// How long ago `then` was; 0 when it is still to come. Of any two times: it saturates.
Duration age_of(WallTime now, WallTime then);

inline double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace tailrace
