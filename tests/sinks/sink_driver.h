// SinkDriver: publishes lines to a Sink as a tailer would and keeps what came back.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/sink.h"

namespace tailrace {

inline SourceId source(std::uint64_t number) { return {.high = 7, .low = number}; }

class SinkDriver {
 public:
  // `flushes`: a turn ends after each batch.
  explicit SinkDriver(Sink& sink, bool flushes = false) : sink_(sink), flushes_(flushes) {}

  Lane* route(const std::string& path, std::int32_t partition = -1) {
    return sink_.route({.tailer = "app", .path = path, .labels = &labels_, .partition = partition});
  }

  // One batch of `lines`, taken from the sink's own pool.
  BatchId publish(Lane& lane, SourceId of, const std::vector<std::string>& lines, Instant now) {
    std::string text;
    Batch batch{.id = ++last_id_, .source = of, .begin = offsets_[of], .slice = {}, .lines = {}};
    for (const std::string& line : lines) {
      batch.lines.push_back(
          {.begin = static_cast<std::uint32_t>(text.size()), .bytes = static_cast<std::uint32_t>(line.size())});
      text += line + "\n";
    }
    batch.end = batch.begin + text.size();
    batch.slice_offset = batch.begin;
    offsets_[of] = batch.end;
    auto slice = sink_.pool().reserve(lane.arena, static_cast<std::uint32_t>(text.size()), text.size());
    TR_ASSERT(slice.has_value(), "no memory left for the test's batch");
    std::memcpy(slice->data(), text.data(), text.size());
    batch.slice = std::move(*slice);
    sink_.publish(lane, std::move(batch), now);
    if (flushes_) sink_.flush(now);
    return last_id_;
  }

  // One turn; what it found stays in `events` until the next.
  SinkEvents& poll(Instant now) {
    events = {};
    sink_.poll(now, events);
    for (const Settled& settled : events.settled) settled_.push_back(settled.batch);
    return events;
  }
  const std::vector<BatchId>& settled() const { return settled_; }
  void forget_settled() { settled_.clear(); }

  SinkEvents events;

 private:
  Sink& sink_;
  bool flushes_;
  std::map<std::string, std::string> labels_;
  std::map<SourceId, Offset> offsets_;
  std::vector<BatchId> settled_;
  BatchId last_id_ = 0;
};

}  // namespace tailrace
