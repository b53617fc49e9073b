#include "buffer/chunk_pool.h"

#include <sys/mman.h>

#include <array>

namespace tailrace {
namespace {

// Few sizes, so that a free chunk is likely to fit the next wish. A lane that only trickles gets the small ones: a
// thousand live partitions then cost 16 MiB, not 1 GiB.
constexpr std::array<std::uint32_t, 5> kCapacities = {16u << 10, 64u << 10, 256u << 10, 512u << 10, 1024u << 10};
// Free chunks stay mapped for the next burst, up to so much; the rest goes back at once.
constexpr std::uint64_t kFreeBytesMax = 8u << 20;
constexpr std::uint32_t kPage = 4096;

std::uint32_t capacity_for(std::uint32_t bytes, std::uint64_t hint_bytes) {
  for (const std::uint32_t capacity : kCapacities) {
    if (bytes <= capacity && hint_bytes <= capacity) return capacity;
  }
  if (bytes <= kCapacities.back()) return kCapacities.back();
  return (bytes + kPage - 1) / kPage * kPage;  // a longer line has a block of its own
}

}  // namespace

Slice::Slice(Chunk* chunk, std::uint32_t begin, std::uint32_t bytes) : chunk_(chunk), begin_(begin), bytes_(bytes) {
  ++chunk->references;
}

Slice& Slice::operator=(Slice&& other) noexcept {
  if (this != &other) {
    release();
    chunk_ = std::exchange(other.chunk_, nullptr);
    begin_ = other.begin_;
    bytes_ = other.bytes_;
  }
  return *this;
}

void Slice::release() {
  if (chunk_ != nullptr) chunk_->pool->drop_reference(std::exchange(chunk_, nullptr));
}

void Slice::shrink(std::uint32_t bytes) {
  TR_ASSERT(bytes <= bytes_, "shrinking a slice of {} bytes to {}", bytes_, bytes);
  if (chunk_->used == begin_ + bytes_) chunk_->used = begin_ + bytes;
  bytes_ = bytes;
}

void Arena::close() {
  if (open_ != nullptr) {
    Chunk* chunk = std::exchange(open_, nullptr);
    chunk->pool->drop_reference(chunk);
  }
}

ChunkPool::ChunkPool(std::uint64_t memory_limit_bytes) : budget_(memory_limit_bytes) {}

ChunkPool::~ChunkPool() {
  for (Chunk* chunk : free_) unmap(chunk);
}

std::optional<Slice> ChunkPool::reserve(Arena& arena, std::uint32_t bytes, std::uint64_t hint_bytes) {
  TR_ASSERT(bytes > 0, "a reservation of nothing");
  if (arena.open_ != nullptr) {
    if (arena.open_->references == 1) arena.open_->used = 0;  // only the arena holds it: all that it held is settled
    if (arena.open_->capacity - arena.open_->used < bytes) arena.close();
  }
  if (arena.open_ == nullptr) {
    Chunk* chunk = take(capacity_for(bytes, hint_bytes));
    // Near the limit a smaller chunk may still fit.
    if (chunk == nullptr) chunk = take(capacity_for(bytes, bytes));
    if (chunk == nullptr) return std::nullopt;
    chunk->references = 1;
    arena.open_ = chunk;
  }
  Chunk* chunk = arena.open_;
  Slice slice(chunk, chunk->used, bytes);
  chunk->used += bytes;
  return slice;
}

Chunk* ChunkPool::take(std::uint32_t capacity) {
  if (!budget_.try_take(capacity)) return nullptr;
  for (std::size_t i = free_.size(); i-- > 0;) {
    if (free_[i]->capacity != capacity) continue;
    Chunk* chunk = free_[i];
    free_[i] = free_.back();
    free_.pop_back();
    free_low_water_ = std::min(free_low_water_, free_.size());
    free_bytes_ -= capacity;
    chunk->used = 0;
    return chunk;
  }
  void* bytes = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) {
    budget_.give_back(capacity);
    return nullptr;  // like an empty budget: reading waits
  }
  return new Chunk{
      .pool = this, .bytes = static_cast<std::byte*>(bytes), .capacity = capacity, .used = 0, .references = 0};
}

void ChunkPool::drop_reference(Chunk* chunk) {
  TR_ASSERT(chunk->references > 0, "a chunk of {} bytes was released twice", chunk->capacity);
  if (--chunk->references > 0) return;
  budget_.give_back(chunk->capacity);
  if (chunk->capacity <= kCapacities.back() && free_bytes_ + chunk->capacity <= kFreeBytesMax) {
    free_.push_back(chunk);
    free_bytes_ += chunk->capacity;
  } else {
    unmap(chunk);
  }
}

void ChunkPool::trim() {
  for (; free_low_water_ > 0 && !free_.empty(); --free_low_water_) {
    free_bytes_ -= free_.front()->capacity;
    unmap(free_.front());
    free_.erase(free_.begin());
  }
  free_low_water_ = free_.size();
}

void ChunkPool::unmap(Chunk* chunk) {
  ::munmap(chunk->bytes, chunk->capacity);
  delete chunk;
}

}  // namespace tailrace
