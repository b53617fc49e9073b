#include "agent/commands/demo_verdict.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace tailrace {
namespace {

// File 0 with five lines of ten bytes each, of which `sequences` arrive in that order.
DemoVerdict stream(std::initializer_list<std::uint64_t> sequences) {
  DemoVerdict verdict;
  verdict.wrote(0, 5);
  for (const std::uint64_t sequence : sequences) verdict.arrived({.file = 0, .sequence = sequence, .bytes = 10});
  return verdict;
}

TEST(DemoVerdict, EveryLineOnceAndInOrderIsRight) {
  const DemoSummary sum = stream({0, 1, 2, 3, 4}).summary();
  EXPECT_TRUE(sum.is_right());
  EXPECT_EQ(sum.written, 5u);
  EXPECT_EQ(sum.arrived, 5u);
}

TEST(DemoVerdict, NothingWrittenProvesNothing) { EXPECT_FALSE(DemoVerdict().summary().is_right()); }

TEST(DemoVerdict, AMissingLineIsLost) {
  const DemoSummary sum = stream({0, 1, 3, 4}).summary();
  EXPECT_FALSE(sum.is_right());
  EXPECT_EQ(sum.lost, 1u);
}

TEST(DemoVerdict, AMissingLastLineIsLost) {
  const DemoSummary sum = stream({0, 1, 2, 3}).summary();
  EXPECT_FALSE(sum.is_right());
  EXPECT_EQ(sum.lost, 1u);
  EXPECT_EQ(sum.reordered, 0u);
}

TEST(DemoVerdict, ALateLineIsOutOfOrderThoughNoneIsLost) {
  const DemoSummary sum = stream({0, 2, 1, 3, 4}).summary();
  EXPECT_FALSE(sum.is_right());
  EXPECT_EQ(sum.lost, 0u);
  EXPECT_GT(sum.reordered, 0u);
}

TEST(DemoVerdict, ADoubledLineWithoutAKillIsWrong) {
  const DemoSummary sum = stream({0, 1, 2, 2, 3, 4}).summary();
  EXPECT_FALSE(sum.is_right());
  EXPECT_EQ(sum.doubled, 1u);
  EXPECT_EQ(sum.doubled_bytes, 10u);
}

// The restart reads on from the checkpoint: lines 1 and 2 come again, then what is new.
TEST(DemoVerdict, AReplayAfterAKillIsRightWithinItsBound) {
  DemoVerdict verdict = stream({0, 1, 2, 1, 2, 3, 4});
  EXPECT_FALSE(verdict.summary().is_right());
  verdict.killed(20);
  EXPECT_TRUE(verdict.summary().is_right());
  EXPECT_EQ(verdict.summary().doubled, 2u);
}

TEST(DemoVerdict, AReplayPastItsBoundIsWrong) {
  DemoVerdict verdict = stream({0, 1, 2, 1, 2, 3, 4});
  verdict.killed(19);
  EXPECT_FALSE(verdict.summary().is_right());
}

TEST(DemoVerdict, AReplayWithAGapIsOutOfOrder) {
  DemoVerdict verdict = stream({0, 1, 2, 3, 0, 3, 4});
  verdict.killed(1000);
  EXPECT_EQ(verdict.summary().lost, 0u);
  EXPECT_FALSE(verdict.summary().is_right());
}

TEST(DemoVerdict, ALineThatWasNeverWrittenIsDamaged) {
  const DemoSummary sum = stream({0, 1, 2, 3, 4, 5}).summary();
  EXPECT_FALSE(sum.is_right());
  EXPECT_EQ(sum.damaged, 1u);
}

TEST(DemoVerdict, ADamagedRecordIsWrong) {
  DemoVerdict verdict = stream({0, 1, 2, 3, 4});
  verdict.arrived_damaged();
  EXPECT_FALSE(verdict.summary().is_right());
}

// Order is a file's own: two files may interleave in any way.
TEST(DemoVerdict, FilesAreJudgedApart) {
  DemoVerdict verdict;
  verdict.wrote(0, 2);
  verdict.wrote(1, 2);
  for (const auto& [file, sequence] : {std::pair{1u, 0u}, {0u, 0u}, {0u, 1u}, {1u, 1u}}) {
    verdict.arrived({.file = file, .sequence = sequence, .bytes = 10});
  }
  EXPECT_TRUE(verdict.summary().is_right());
}

TEST(DemoVerdict, LinesMayArriveBeforeTheFileIsWhole) {
  DemoVerdict verdict;
  verdict.wrote(0, 1);
  verdict.arrived({.file = 0, .sequence = 0, .bytes = 10});
  verdict.wrote(0, 2);
  EXPECT_EQ(verdict.summary().lost, 1u);
  verdict.arrived({.file = 0, .sequence = 1, .bytes = 10});
  EXPECT_TRUE(verdict.summary().is_right());
}

TEST(DemoVerdict, TheTextSaysRightOrWrong) {
  EXPECT_NE(to_text(stream({0, 1, 2, 3, 4}).summary()).find("RIGHT"), std::string::npos);
  const std::string wrong = to_text(stream({0, 1, 2, 3}).summary());
  EXPECT_NE(wrong.find("WRONG"), std::string::npos);
  EXPECT_NE(wrong.find("1 lost"), std::string::npos);
}

}  // namespace
}  // namespace tailrace
