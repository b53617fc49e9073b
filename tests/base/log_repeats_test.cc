#include "base/log_repeats.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

Instant at(int seconds) { return Instant(std::chrono::seconds(seconds)); }
LogLine line(std::string text, LogLevel level = LogLevel::warn) { return {.level = level, .text = std::move(text)}; }

TEST(LogRepeats, WritesOnceAndThenTheCountAfterTenSeconds) {
  LogRepeats repeats;
  EXPECT_TRUE(repeats.admit(line("broker is down"), at(0)));
  for (int i = 0; i < 41; ++i) EXPECT_FALSE(repeats.admit(line("broker is down"), at(3)));
  EXPECT_EQ(repeats.next_deadline(), at(10));
  EXPECT_TRUE(repeats.expire(at(9)).empty());
  const auto due = repeats.expire(at(10));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].text, "broker is down");
  EXPECT_EQ(due[0].level, LogLevel::warn);
  EXPECT_EQ(due[0].repeats, 41U);
  EXPECT_EQ(repeats.next_deadline(), at(20));
}

TEST(LogRepeats, ForgetsWhatDidNotComeAgain) {
  LogRepeats repeats;
  EXPECT_TRUE(repeats.admit(line("once"), at(0)));
  EXPECT_TRUE(repeats.expire(at(10)).empty());
  EXPECT_EQ(repeats.next_deadline(), kNever);
  EXPECT_TRUE(repeats.admit(line("once"), at(11)));
}

TEST(LogRepeats, TellsLevelsAndTextsApart) {
  LogRepeats repeats;
  EXPECT_TRUE(repeats.admit(line("a", LogLevel::warn), at(0)));
  EXPECT_TRUE(repeats.admit(line("a", LogLevel::error), at(0)));
  EXPECT_TRUE(repeats.admit(line("b", LogLevel::warn), at(0)));
}

TEST(LogRepeats, SaysWhatIsLeftAtTheEnd) {
  LogRepeats repeats;
  EXPECT_TRUE(repeats.admit(line("a"), at(0)));
  EXPECT_FALSE(repeats.admit(line("a"), at(1)));
  EXPECT_TRUE(repeats.admit(line("b"), at(1)));
  const auto due = repeats.flush();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].repeats, 1U);
}

// Ten thousand different texts must not be ten thousand remembered ones; all of them are written.
TEST(LogRepeats, WritesEveryLineWhenThereAreTooManyToRemember) {
  LogRepeats repeats;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(repeats.admit(line(std::to_string(i)), at(0)));
  EXPECT_TRUE(repeats.admit(line("9999"), at(0)));
  EXPECT_FALSE(repeats.admit(line("0"), at(0)));
}

}  // namespace
}  // namespace tailrace
