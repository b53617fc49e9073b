#include "buffer/age_marks.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
const Instant kStart{seconds(1000)};

TEST(AgeMarks, AByteIsAsOldAsItsFirstSighting) {
  AgeMarks marks;
  marks.saw(100, kStart);
  marks.saw(200, kStart + seconds(5));
  EXPECT_EQ(marks.seen_at(0), kStart);
  EXPECT_EQ(marks.seen_at(99), kStart);
  EXPECT_EQ(marks.seen_at(100), kStart + seconds(5));
  EXPECT_EQ(marks.seen_at(200), kNever);
}

TEST(AgeMarks, SeeingTheSameSizeAgainMakesNothingYounger) {
  AgeMarks marks;
  marks.saw(100, kStart);
  marks.saw(100, kStart + seconds(9));
  EXPECT_EQ(marks.seen_at(50), kStart);
}

TEST(AgeMarks, WhatIsForgottenOwnsNothing) {
  AgeMarks marks;
  marks.saw(100, kStart);
  marks.forget_below(100);
  EXPECT_EQ(marks.size(), 0u);
}

// Ten hours of steady growth with nothing shipped: the error stays within 1 s or 5 %, the marks stay few.
TEST(AgeMarks, AnOutageOfHoursKeepsFewMarksAndTellsAgesWithinFivePercent) {
  AgeMarks marks;
  const int steps = 10 * 3600 * 10;
  for (int i = 0; i < steps; ++i) marks.saw(static_cast<Offset>(i + 1) * 10, kStart + milliseconds(100) * i);
  const Instant now = kStart + milliseconds(100) * steps;
  EXPECT_LT(marks.size(), 400u);
  for (int i = 0; i < steps; i += 1009) {
    const double real = to_seconds(now - (kStart + milliseconds(100) * i));
    const double told = to_seconds(now - marks.seen_at(static_cast<Offset>(i) * 10));
    EXPECT_LE(std::abs(told - real), std::max(1.0, 0.05 * real)) << "at step " << i;
  }
}

}  // namespace
}  // namespace tailrace
