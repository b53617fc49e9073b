// Outlet: what a reader of files needs of a sink: where a source goes, how much may be read for it, and who takes it.
//
// tailers/ and sinks/ never include each other; agent/ joins them through this. Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "buffer/batch.h"
#include "buffer/chunk_pool.h"

namespace tailrace {

// One ordered way out (a topic's partition): 0, 1, 2 ... within an outlet.
using LaneNumber = std::uint32_t;

struct LaneFound {
  LaneNumber lane = 0;
  std::int32_t partition = -1;  // to be kept in the checkpoint; -1: the sink has none
};

class Outlet {
 public:
  virtual ~Outlet() = default;
  // Nothing while the sink does not know yet (no metadata, an unknown topic): asked again when room has changed.
  virtual std::optional<LaneFound> route(std::string_view tailer, std::string_view path,
                                         const std::map<std::string, std::string>& labels, std::int32_t partition) = 0;
  virtual bool is_gone(LaneNumber lane) const = 0;        // it leads nowhere any more: its sources are routed anew
  virtual std::uint64_t room(LaneNumber lane) const = 0;  // bytes that may be read for it now
  // So many are being read for it: until they are published they take part of what other lanes share with it.
  virtual void set_reading(LaneNumber lane, std::uint64_t bytes) = 0;
  virtual std::uint32_t read_bytes_best() const = 0;
  virtual std::uint64_t memory_limit() const = 0;
  virtual std::optional<Slice> reserve(LaneNumber lane, std::uint32_t bytes, std::uint64_t hint_bytes) = 0;
  virtual std::uint64_t records_left() const = 0;  // so many records' books fit into the memory
  virtual void publish(LaneNumber lane, Batch batch, Instant now) = 0;
  // The source's open batches can be read from nowhere again: the sink keeps their bytes over a rewind.
  virtual void pin(SourceId source) = 0;
  // fsync = "sync": acknowledged bytes stay charged to the sink's memory until they are durable. Returns how many: not
  // more than fit beside the chunk that they were in, which its lane may still have open.
  virtual std::uint64_t hold(std::uint64_t bytes) = 0;
  virtual void release(std::uint64_t bytes) = 0;
};

}  // namespace tailrace
