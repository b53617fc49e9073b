#include "buffer/chunk_pool.h"

#include <gtest/gtest.h>

#include <cstring>

namespace tailrace {
namespace {

TEST(ChunkPool, ManySmallReadsShareOneChunk) {
  ChunkPool pool(1 << 20);
  Arena arena;
  auto a = pool.reserve(arena, 100, 100);
  auto b = pool.reserve(arena, 100, 100);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->chunk(), b->chunk());
  EXPECT_EQ(a->data() + 100, b->data());
  EXPECT_EQ(pool.budget().used(), 16u << 10);
}

// Many files of half a MiB to many partitions: a chunk twice as large would be half empty, or pinned by another file.
TEST(ChunkPool, AFileOfHalfAMebibyteTakesNoMore) {
  ChunkPool pool(4 << 20);
  Arena arena;
  auto whole = pool.reserve(arena, 512 << 10, 512 << 10);
  ASSERT_TRUE(whole);
  EXPECT_EQ(pool.budget().used(), 512u << 10);
}

TEST(ChunkPool, WhatAReadDidNotFillIsGivenBack) {
  ChunkPool pool(1 << 20);
  Arena arena;
  auto a = pool.reserve(arena, 10'000, 10'000);
  a->shrink(100);
  auto b = pool.reserve(arena, 10'000, 10'000);
  ASSERT_TRUE(b);
  EXPECT_EQ(a->data() + 100, b->data());
}

TEST(ChunkPool, AnEmptyBudgetRefusesAndRecoversWhenASliceIsReleased) {
  ChunkPool pool(1 << 20);
  Arena one, two;
  auto a = pool.reserve(one, 900'000, 1 << 20);
  ASSERT_TRUE(a);
  EXPECT_FALSE(pool.reserve(two, 900'000, 1 << 20));
  a->release();
  one.close();
  EXPECT_EQ(pool.budget().used(), 0u);
  EXPECT_TRUE(pool.reserve(two, 900'000, 1 << 20));
}

TEST(ChunkPool, ALongerLineHasABlockOfItsOwn) {
  ChunkPool pool(16 << 20);
  Arena arena;
  auto a = pool.reserve(arena, 3'000'000, 3'000'000);
  ASSERT_TRUE(a);
  std::memset(a->data(), 1, a->size());
  EXPECT_GE(pool.budget().used(), 3'000'000u);
  EXPECT_LT(pool.budget().used(), 3'010'000u);
}

TEST(ChunkPool, AChunkThatOnlyItsLaneHoldsIsUsedAgainFromItsStart) {
  ChunkPool pool(1 << 20);
  Arena arena;
  const std::byte* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    auto slice = pool.reserve(arena, 10'000, 10'000);
    ASSERT_TRUE(slice);
    if (first == nullptr) first = slice->chunk()->bytes;
    EXPECT_EQ(slice->chunk()->bytes, first);
  }
}

TEST(ChunkPool, TrimReturnsOnlyWhatWasNotUsedSinceTheLastTrim) {
  ChunkPool pool(8 << 20);
  {
    Arena arena;
    auto a = pool.reserve(arena, 1 << 20, 1 << 20);
  }
  EXPECT_EQ(pool.free_chunks(), 1u);
  pool.trim();
  EXPECT_EQ(pool.free_chunks(), 1u);
  pool.trim();
  EXPECT_EQ(pool.free_chunks(), 0u);
}

}  // namespace
}  // namespace tailrace
