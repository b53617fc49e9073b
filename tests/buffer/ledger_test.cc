#include "buffer/ledger.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

struct LedgerTest : testing::Test {
  Ledger ledger;
  SourceBooks books{SourceId{1, 2}};

  void open(BatchId id, Offset begin, Offset end) {
    ledger.open(books,
                {.id = id, .begin = begin, .at_end = {.acked = end, .tail_bytes = 1, .tail_hash = end}, .lines = 1});
  }
};

TEST_F(LedgerTest, PrefixWaitsForTheOldestBatch) {
  open(1, 0, 10);
  open(2, 10, 30);
  open(3, 30, 60);
  EXPECT_EQ(books.read(), 60u);
  EXPECT_EQ(ledger.settle(2).acked_bytes, 0u);
  EXPECT_EQ(books.acked(), 0u);
  const LedgerMove move = ledger.settle(1);
  EXPECT_EQ(move.acked_bytes, 30u);
  EXPECT_EQ(move.acked_lines, 2u);
  EXPECT_EQ(books.acked(), 30u);
  EXPECT_EQ(books.at_acked().tail_hash, 30u);
  ledger.settle(3);
  EXPECT_TRUE(books.is_settled());
  EXPECT_EQ(books.open_batches(), 0u);
}

TEST_F(LedgerTest, ARewindReadsAgainFromAckedAndCountsNoByteTwice) {
  EXPECT_EQ(ledger.open(books, {.id = 1, .begin = 0, .at_end = {.acked = 10}, .lines = 1}), 10u);
  EXPECT_EQ(ledger.open(books, {.id = 2, .begin = 10, .at_end = {.acked = 30}, .lines = 1}), 20u);
  ledger.settle(1);
  EXPECT_EQ(ledger.rewind(books), 20u);
  EXPECT_EQ(books.read(), 10u);
  EXPECT_EQ(ledger.open_batches(), 0u);
  EXPECT_EQ(ledger.open(books, {.id = 3, .begin = 10, .at_end = {.acked = 40}, .lines = 2}), 10u);
}

TEST_F(LedgerTest, SkippedBytesSettleInTheirTurn) {
  open(1, 0, 10);
  EXPECT_EQ(ledger.skip(books, {.acked = 25}, {}).acked_bytes, 0u);
  EXPECT_EQ(books.acked(), 0u);
  EXPECT_EQ(ledger.settle(1).acked_bytes, 25u);
  EXPECT_EQ(ledger.skip(books, {.acked = 30}, {}).acked_bytes, 5u);
}

TEST_F(LedgerTest, DurableNeverGoesBack) {
  open(1, 0, 10);
  ledger.settle(1);
  ledger.made_durable(books, 10);
  ledger.made_durable(books, 4);
  EXPECT_EQ(books.durable(), 10u);
}

using LedgerDeathTest = LedgerTest;

TEST_F(LedgerDeathTest, AReportThatComesTwiceIsABug) {
  open(1, 0, 10);
  ledger.settle(1);
  EXPECT_DEATH(ledger.settle(1), "not open");
}

TEST_F(LedgerDeathTest, AGapIsABug) { EXPECT_DEATH(open(1, 5, 10), "a gap"); }

TEST_F(LedgerDeathTest, DurablePastAckedIsABug) { EXPECT_DEATH(ledger.made_durable(books, 1), "durable 1 > acked 0"); }

}  // namespace
}  // namespace tailrace
