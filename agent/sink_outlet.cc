#include "agent/sink_outlet.h"

#include <algorithm>

namespace tailrace {

std::optional<LaneFound> SinkOutlet::route(std::string_view tailer, std::string_view path,
                                           const std::map<std::string, std::string>& labels, std::int32_t partition) {
  Lane* const lane = sink_->route({.tailer = tailer, .path = path, .labels = &labels, .partition = partition});
  if (lane == nullptr) return std::nullopt;
  if (lane->number >= lanes_.size()) lanes_.resize(lane->number + 1, nullptr);
  lanes_[lane->number] = lane;
  return LaneFound{.lane = lane->number, .partition = lane->partition};
}

std::optional<Slice> SinkOutlet::reserve(LaneNumber lane, std::uint32_t bytes, std::uint64_t hint_bytes) {
  ChunkPool& pool = sink_->pool();
  // A lane with a small share of the memory does not pin a large chunk.
  hint_bytes = std::max<std::uint64_t>(bytes, std::min(hint_bytes, sink_->room(*lanes_[lane])));
  std::optional<Slice> slice = pool.reserve(lanes_[lane]->arena, bytes, hint_bytes);
  if (slice) return slice;
  close_arenas();
  return pool.reserve(lanes_[lane]->arena, bytes, hint_bytes);
}

void SinkOutlet::publish(LaneNumber lane, Batch batch, Instant now) {
  sink_->publish(*lanes_[lane], std::move(batch), now);
}

void SinkOutlet::close_arenas() {
  for (Lane* lane : lanes_) {
    if (lane != nullptr) lane->arena.close();
  }
}

}  // namespace tailrace
