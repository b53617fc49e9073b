#include "sinks/silence_watch.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = SilenceWatch::State;

TEST(SilenceWatch, SaysNothingWhileNothingIsOutstanding) {
  SilenceWatch watch;
  EXPECT_EQ(watch.next_deadline(), kNever);
  EXPECT_EQ(watch.look(Instant{} + seconds(100)), State::calm);
}

TEST(SilenceWatch, ASecondWithoutAReportIsSilenceAndAReportEndsIt) {
  SilenceWatch watch;
  Instant now{};
  watch.on_sent(now);
  EXPECT_EQ(watch.look(now + milliseconds(999)), State::calm);
  now += seconds(1);
  EXPECT_EQ(watch.look(now), State::silent);
  EXPECT_EQ(watch.next_deadline(), now + seconds(1));
  watch.on_answer(now, false);
  EXPECT_EQ(watch.state(), State::calm);
  EXPECT_EQ(watch.next_deadline(), now + seconds(1));
  watch.on_answer(now, true);
  EXPECT_EQ(watch.next_deadline(), kNever);
}

}  // namespace
}  // namespace tailrace
