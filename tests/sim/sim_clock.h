// SimClock: time that stands still until a test moves it.
#pragma once

#include "base/clock.h"

namespace tailrace {

class SimClock final : public Clock {
 public:
  // Begins far from zero, so that "a moment ago" is a time as well; the wall clock at 2024-01-01 00:00:00 UTC.
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }

  void advance(Duration by) {
    now_ += by;
    wall_ += by;
  }
  // Somebody sets the wall clock: the monotonic one does not notice.
  void jump_wall(Duration by) { wall_ += by; }

 private:
  Instant now_{std::chrono::hours(24)};
  WallTime wall_{std::chrono::seconds(1'704'067'200)};
};

}  // namespace tailrace
