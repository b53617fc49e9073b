#include "buffer/ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

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

// Against a model: a set of settled ranges, whose contiguous prefix is `acked`.
TEST_F(LedgerTest, AgreesWithAModelUnderRandomSettlesAndRewinds) {
  std::mt19937_64 random(11);
  std::map<Offset, std::pair<Offset, bool>> model;  // begin -> {end, settled}
  std::map<BatchId, Offset> open_ids;
  Offset acked = 0, read = 0;
  BatchId next = 1;
  for (int step = 0; step < 50'000; ++step) {
    const auto dice = random() % 100;
    if (dice < 50) {
      const Offset end = read + 1 + random() % 100;
      open(next, read, end);
      model[read] = {end, false};
      open_ids[next++] = read;
      read = end;
    } else if (dice < 98 && !open_ids.empty()) {
      auto it = open_ids.begin();
      std::advance(it, static_cast<long>(random() % open_ids.size()));
      model[it->second].second = true;
      ledger.settle(it->first);
      open_ids.erase(it);
    } else if (dice == 99) {
      ledger.rewind(books);
      read = acked;
      model.clear();
      open_ids.clear();
    }
    while (!model.empty() && model.begin()->second.second) {
      acked = model.begin()->second.first;
      model.erase(model.begin());
    }
    ASSERT_EQ(books.acked(), acked);
    ASSERT_EQ(books.read(), read);
    ASSERT_EQ(books.open_batches(), model.size());
    ASSERT_EQ(ledger.open_batches(), open_ids.size());
  }
}

}  // namespace
}  // namespace tailrace
