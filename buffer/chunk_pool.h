// ChunkPool: counted blocks of memory that file bytes are read into and that records point into, without a copy.
//
// A chunk is an arena of one lane (one partition), so that a stuck partition pins its own chunks only. A read takes the
// room at the end of the lane's open chunk, fills what there is and gives the rest back; so many small files share a
// chunk and one large file fills whole ones. Slices count references on their chunk; the last one returns it.
// The budget is charged for whole chunks. Loop thread only (the engines write into reserved room).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "buffer/memory_budget.h"

namespace tailrace {

class ChunkPool;

struct Chunk {
  ChunkPool* pool = nullptr;
  std::byte* bytes = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t used = 0;  // [0, used) is filled or reserved
  std::uint32_t references = 0;
};

// A counted view of a part of a chunk. Move only; `share` makes a second one.
class Slice {
 public:
  Slice() = default;
  Slice(Chunk* chunk, std::uint32_t begin, std::uint32_t bytes);  // takes a reference
  Slice(Slice&& other) noexcept
      : chunk_(std::exchange(other.chunk_, nullptr)), begin_(other.begin_), bytes_(other.bytes_) {}
  Slice& operator=(Slice&& other) noexcept;
  Slice(const Slice&) = delete;
  Slice& operator=(const Slice&) = delete;
  ~Slice() { release(); }

  Slice share() const { return Slice(chunk_, begin_, bytes_); }
  void release();
  // Keeps the first `bytes`; what lies behind goes back to the chunk if nothing was reserved after it.
  void shrink(std::uint32_t bytes);

  std::byte* data() const { return chunk_->bytes + begin_; }
  std::uint32_t size() const { return bytes_; }
  explicit operator bool() const { return chunk_ != nullptr; }
  const Chunk* chunk() const { return chunk_; }

 private:
  Chunk* chunk_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t bytes_ = 0;
};

// The open chunk of one lane. Holds a reference while it is open.
class Arena {
 public:
  Arena() = default;
  ~Arena() { close(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void close();  // the next reservation opens a new chunk; call when the lane falls quiet

 private:
  friend class ChunkPool;
  Chunk* open_ = nullptr;
};

class ChunkPool {
 public:
  explicit ChunkPool(std::uint64_t memory_limit_bytes);
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  // Room for exactly `bytes`, or nothing when the budget has none left. `hint_bytes` (>= bytes) is how much this lane
  // is likely to want soon: it picks the size of a new chunk (16 KiB to 1 MiB; larger only when `bytes` is).
  std::optional<Slice> reserve(Arena& arena, std::uint32_t bytes, std::uint64_t hint_bytes);

  // Returns chunks that nobody used since the last call to the kernel. Call it some seconds after quiet began.
  void trim();

  MemoryBudget& budget() { return budget_; }
  const MemoryBudget& budget() const { return budget_; }
  std::size_t free_chunks() const { return free_.size(); }

 private:
  friend class Slice;
  friend class Arena;
  Chunk* take(std::uint32_t capacity);
  void drop_reference(Chunk* chunk);
  static void unmap(Chunk* chunk);

  MemoryBudget budget_;
  std::vector<Chunk*> free_;        // mapped, resident, charged to nobody
  std::size_t free_low_water_ = 0;  // the fewest free ones since the last trim
  std::uint64_t free_bytes_ = 0;
};

}  // namespace tailrace
