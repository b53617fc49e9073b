#include "sinks/silence_watch.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = SilenceWatch::State;

// Looks once a second until it says `wanted`; the seconds since records went out, or -1 after `bound`.
struct Watched {
  SilenceWatch watch;
  Instant now{};
  Duration cpu{0};

  int until(State wanted, Duration cpu_a_second, bool is_heard, int bound) {
    for (int second = 1; second <= bound; ++second) {
      now += seconds(1);
      cpu += cpu_a_second;
      if (watch.look(now, cpu, is_heard) == wanted) return second;
    }
    return -1;
  }
};

TEST(SilenceWatch, SaysNothingWhileNothingIsOutstanding) {
  Watched watched;
  EXPECT_EQ(watched.watch.next_deadline(), kNever);
  EXPECT_EQ(watched.until(State::silent, seconds(1), false, 100), -1);
}

TEST(SilenceWatch, ASecondWithoutAReportIsSilenceAndAReportEndsIt) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.watch.look(watched.now + milliseconds(999), {}, false), State::calm);
  EXPECT_EQ(watched.until(State::silent, Duration(0), false, 10), 1);
  watched.watch.on_answer(watched.now, false);
  EXPECT_EQ(watched.watch.state(), State::calm);
  EXPECT_EQ(watched.watch.next_deadline(), watched.now + seconds(1));
  watched.watch.on_answer(watched.now, true);
  EXPECT_EQ(watched.watch.next_deadline(), kNever);
}

TEST(SilenceWatch, ASpinIsFoundBeforeFiveSeconds) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.until(State::spinning, milliseconds(300), false, 100), 3);
}

TEST(SilenceWatch, AnIdleProducerIsLeftAlone) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.until(State::spinning, milliseconds(5), false, 300), -1);
}

// The other brokers answer, or this one is only slow: there is time.
TEST(SilenceWatch, PatienceIsLongerWhileABrokerAnswersQuestions) {
  Watched watched;
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.until(State::spinning, milliseconds(900), true, 100), 10);
}

// A broker that takes 5 s for a request would never finish one if each was dropped after 3.
TEST(SilenceWatch, PatienceDoublesUntilSomethingIsDelivered) {
  Watched watched;
  for (const int expected : {3, 6, 12, 24, 48, 48}) {
    watched.watch.on_sent(watched.now);
    EXPECT_EQ(watched.until(State::spinning, milliseconds(900), false, 100), expected);
    watched.watch.on_replaced();
  }
  watched.watch.on_sent(watched.now);
  watched.watch.on_answer(watched.now, true);
  watched.watch.on_sent(watched.now);
  EXPECT_EQ(watched.until(State::spinning, milliseconds(900), false, 100), 3);
}

}  // namespace
}  // namespace tailrace
