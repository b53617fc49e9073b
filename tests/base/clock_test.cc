#include "base/clock.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace tailrace {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min(), kMax = std::numeric_limits<std::int64_t>::max();

TEST(WallTimes, OfTheOutsideAreWhatTheySayForAsLongAsTheyCanBe) {
  EXPECT_EQ(wall_time(1'700'000'000, 123).time_since_epoch(), seconds(1'700'000'000) + std::chrono::nanoseconds(123));
  EXPECT_EQ(wall_time(-86'400, 5).time_since_epoch(), -seconds(86'400) + std::chrono::nanoseconds(5));
}

// A file's mtime may be any 64-bit number of seconds: beyond 2262 and before 1678 nanoseconds do not hold it.
TEST(WallTimes, OfTheOutsideNeverOverflow) {
  const WallTime now = wall_time(1'700'000'000, 0);
  for (const std::int64_t late : {kMax, std::int64_t{10'000'000'000}, kMax / 1'000'000'000 + 1}) {
    const WallTime then = wall_time(late, 999'999'999);
    EXPECT_GT(then, now) << late;
    EXPECT_EQ(age_of(now, then), Duration{0}) << "it is still to come";
    EXPECT_GT(age_of(then, now), Duration{0});
  }
  for (const std::int64_t early : {kMin, std::int64_t{-10'000'000'000}, std::int64_t{-1}}) {
    const WallTime then = wall_time(early, 0);
    EXPECT_LT(then, now) << early;
    EXPECT_GT(age_of(now, then), seconds(1'600'000'000)) << early;
    EXPECT_LT(Instant{} - age_of(now, then), Instant{}) << early;
  }
  EXPECT_EQ(age_of(WallTime::max(), WallTime::min()), Duration::max());
}

}  // namespace
}  // namespace tailrace
