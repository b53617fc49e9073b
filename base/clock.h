// Clock: the one place that asks what time it is. Below agent/ time comes in as an argument.
#pragma once

#include <chrono>

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

inline double to_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace tailrace
