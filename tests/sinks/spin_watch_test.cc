#include "sinks/spin_watch.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = SpinWatch::Verdict;

// Looks whenever it is due, over a thread that burns `share` of a core while its partitions are not parked.
struct Watched {
  SpinWatch watch;
  Instant now{};
  Duration burnt{0};

  // When it first said `wanted`, since this call; kNever.. as -1 ms: not within `bound`.
  milliseconds until(Verdict wanted, double share, Duration bound) {
    const Instant begin = now;
    while (now - begin < bound && watch.next_deadline() != kNever) {
      const Duration step = watch.next_deadline() - now;
      if (!watch.is_parked()) burnt += std::chrono::duration_cast<Duration>(step * share);
      now += step;
      if (watch.look(now, burnt) == wanted) return std::chrono::duration_cast<milliseconds>(now - begin);
    }
    return milliseconds(-1);
  }
};

TEST(SpinWatch, ASpinIsParkedSoonAfterASecondOfSilence) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.until(Verdict::park, 0.3, seconds(100)), milliseconds(1100));
  EXPECT_TRUE(watched.watch.is_parked());
}

TEST(SpinWatch, AThreadThatRestsIsLeftAlone) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.until(Verdict::park, 0.005, seconds(300)), milliseconds(-1));
}

TEST(SpinWatch, ASpinThatBeginsLateIsParkedToo) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  watched.until(Verdict::park, 0, seconds(30));
  EXPECT_LE(watched.until(Verdict::park, 1, seconds(10)), milliseconds(1200));
  EXPECT_TRUE(watched.watch.is_parked());
}

TEST(SpinWatch, AReportResumesAndASignIsATrial) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  watched.until(Verdict::park, 1, seconds(10));
  EXPECT_EQ(watched.watch.on_sign(watched.now), Verdict::resume);
  EXPECT_EQ(watched.watch.on_sign(watched.now), Verdict::none) << "it is resumed already";
  EXPECT_LE(watched.until(Verdict::park, 1, seconds(1)), milliseconds(100)) << "it spins again";
  EXPECT_EQ(watched.watch.on_report(watched.now, true), Verdict::resume);
  EXPECT_EQ(watched.watch.next_deadline(), kNever);
}

// Whatever the trials cost: less than 2 % of a core over a minute of a spin.
TEST(SpinWatch, WithoutASignItIsTriedNowAndThen) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  watched.until(Verdict::park, 1, seconds(10));
  EXPECT_EQ(watched.until(Verdict::resume, 1, seconds(10)), milliseconds(5000));
  watched.burnt = Duration(0);
  const Instant begin = watched.now;
  while (watched.now - begin < seconds(60)) watched.until(Verdict::park, 1, seconds(10));
  EXPECT_LT(to_seconds(watched.burnt), 60 * 0.02);
}

}  // namespace
}  // namespace tailrace
