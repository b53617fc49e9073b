#include "buffer/chunk_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <random>

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

// Random reservations, shrinks and releases: slices never overlap, their bytes stay, the budget returns to nothing.
TEST(ChunkPool, SlicesKeepTheirBytesInAnyOrderOfReleases) {
  std::mt19937_64 random(7);
  ChunkPool pool(4 << 20);
  std::vector<Arena> arenas(5);
  std::deque<std::pair<Slice, unsigned char>> held;
  unsigned char mark = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const auto bytes = static_cast<std::uint32_t>(1 + random() % 30'000);
      auto slice = pool.reserve(arenas[random() % arenas.size()], bytes, random() % 200'000 + bytes);
      if (slice) {
        slice->shrink(static_cast<std::uint32_t>(random() % (bytes + 1)));
        std::memset(slice->data(), ++mark, slice->size());
        held.emplace_back(std::move(*slice), mark);
      }
    } else if (!held.empty()) {
      const std::size_t victim = random() % held.size();
      const auto& [slice, expected] = held[victim];
      for (std::uint32_t i = 0; i < slice.size(); i += 997)
        ASSERT_EQ(std::to_integer<unsigned char>(slice.data()[i]), expected);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    ASSERT_LE(pool.budget().used(), pool.budget().limit());
  }
  held.clear();
  for (Arena& arena : arenas) arena.close();
  EXPECT_EQ(pool.budget().used(), 0u);
}

}  // namespace
}  // namespace tailrace
