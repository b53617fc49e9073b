// ChunkPool against a model that knows every live slice, its bytes, and who holds which chunk.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "buffer/chunk_pool.h"
#include "tests/base/random_walk.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kSeeds = 200;
constexpr int kSteps = 250;
constexpr std::uint64_t kLimit = 3 << 20;
constexpr std::size_t kArenas = 4;

// The least that a reservation of `bytes` can cost a lane without room.
std::uint64_t least_chunk(std::uint64_t bytes) {
  for (const std::uint64_t capacity : {16u << 10, 64u << 10, 256u << 10, 1024u << 10}) {
    if (bytes <= capacity) return capacity;
  }
  return (bytes + 4095) / 4096 * 4096;
}

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {}

  void step() {
    const std::uint64_t dice = below(100);
    if (dice < 45) {
      reserve();
    } else if (dice < 60) {
      fill_one();
    } else if (dice < 67) {
      share_one();
    } else if (dice < 95) {
      release_one();
    } else if (dice < 98) {
      const std::size_t lane = below(kArenas);
      arenas_[lane].close();
      open_[lane] = nullptr;
    } else {
      pool_.trim();
    }
  }

  void check() const {
    ASSERT_EQ(pool_.budget().used(), charged());
    ASSERT_LE(pool_.budget().used(), kLimit);
  }

  void let_go_of_everything() {
    while (!held_.empty()) release_one();
    for (Arena& arena : arenas_) arena.close();
    open_.fill(nullptr);
  }

 private:
  // A reservation that its read has not filled yet, or a slice of a batch.
  struct Held {
    Slice slice;
    unsigned char mark = 0;
    bool is_filled = false;
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  // Whole chunks, once each: those that a slice or a lane holds.
  std::uint64_t charged() const {
    std::map<const Chunk*, std::uint64_t> chunks;
    for (const Held& held : held_) chunks[held.slice.chunk()] = held.slice.chunk()->capacity;
    for (const Chunk* chunk : open_) {
      if (chunk != nullptr) chunks[chunk] = chunk->capacity;
    }
    std::uint64_t bytes = 0;
    for (const auto& [chunk, capacity] : chunks) bytes += capacity;
    return bytes;
  }

  void reserve() {
    const std::size_t lane = below(kArenas);
    const auto bytes = static_cast<std::uint32_t>(1 + below(below(20) == 0 ? 2'000'000 : 60'000));
    const std::uint64_t hint = bytes + below(below(3) == 0 ? 2'000'000 : 100);
    std::optional<Slice> slice = pool_.reserve(arenas_[lane], bytes, hint);
    if (!slice) {
      // The lane had no room, or it would not have asked: it let go of its chunk, and no chunk fits any more.
      open_[lane] = nullptr;
      EXPECT_GT(charged() + least_chunk(bytes), kLimit) << bytes << " bytes were refused";
      return;
    }
    open_[lane] = slice->chunk();
    ASSERT_EQ(slice->size(), bytes);
    ASSERT_GE(slice->data(), slice->chunk()->bytes);
    ASSERT_LE(slice->data() + bytes, slice->chunk()->bytes + slice->chunk()->capacity);
    for (const Held& other : held_) {
      const bool is_before = std::less_equal<>()(other.slice.data() + other.slice.size(), slice->data());
      const bool is_behind = std::less_equal<>()(slice->data() + bytes, other.slice.data());
      ASSERT_TRUE(is_before || is_behind || other.slice.size() == 0) << "a live slice of " << other.slice.size();
    }
    held_.push_back({.slice = std::move(*slice)});
  }

  // The read is done: it filled what there was, and the rest goes back. Others may have reserved behind it meanwhile.
  void fill_one() {
    const auto found = std::find_if(held_.begin(), held_.end(), [](const Held& held) { return !held.is_filled; });
    if (found == held_.end()) return;
    found->slice.shrink(static_cast<std::uint32_t>(below(found->slice.size() + 1)));
    found->is_filled = true;
    found->mark = static_cast<unsigned char>(random_());
    std::memset(found->slice.data(), found->mark, found->slice.size());
  }

  // What a retired producer keeps of a batch. Only of what is filled: from then on nobody shrinks it.
  void share_one() {
    if (held_.empty()) return;
    const Held& one = held_[below(held_.size())];
    if (!one.is_filled) return;
    const unsigned char mark = one.mark;
    held_.push_back({.slice = one.slice.share(), .mark = mark, .is_filled = true});
  }

  void release_one() {
    if (held_.empty()) return;
    const std::size_t victim = below(held_.size());
    const Slice& slice = held_[victim].slice;
    if (held_[victim].is_filled) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(slice.data());
      const bool is_as_filled =
          std::all_of(bytes, bytes + slice.size(), [&](unsigned char byte) { return byte == held_[victim].mark; });
      EXPECT_TRUE(is_as_filled) << "a slice of " << slice.size() << " bytes was written over";
    }
    std::swap(held_[victim], held_.back());
    held_.pop_back();
  }

  std::mt19937_64 random_;
  ChunkPool pool_{kLimit};
  std::array<Arena, kArenas> arenas_;
  std::array<const Chunk*, kArenas> open_{};  // by lane; nullptr: none
  std::vector<Held> held_;
};

// Reads reserve room on four lanes, fill a part of it, give the rest back, share and let go in any order, with large
// and small wishes and a budget that is often empty: no two live slices share a byte, none changes until it is
// released, the budget is charged for exactly the chunks that somebody holds, refuses only what does not fit, and ends
// at 0.
TEST(ChunkPoolProperty, SlicesAreDisjointAndTheBudgetIsExact) {
  walk_at_random<Walk>(kSeeds, kSteps, [](Walk& walk) { walk.let_go_of_everything(); });
}

}  // namespace
}  // namespace tailrace
