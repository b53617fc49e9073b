// Sink: where batches go. Takes batches of whole lines, answers with what is settled.
//
// A lane is one ordered way through a sink (a topic's partition; the whole of a stdout sink). A file's batches all go
// through one lane, in order. Loop thread only; nothing here waits. The order of calls in a turn is poll, then route,
// room and publish, then flush.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "buffer/batch.h"
#include "buffer/chunk_pool.h"

namespace tailrace {

enum class Outcome : std::uint8_t {
  delivered,
  rejected,  // at least one of its records was refused for good; they are spooled or dropped and counted by the sink
};

struct Settled {
  BatchId batch = 0;
  Outcome outcome = Outcome::delivered;
  std::uint32_t rejected_lines = 0;
  std::uint64_t rejected_bytes = 0;  // of the lines' bytes
};

// What a sink needs to know of a source to route it. Views are valid during the call only.
struct RouteRequest {
  std::string_view tailer;
  std::string_view path;  // as first seen
  const std::map<std::string, std::string>* labels = nullptr;
  std::int32_t partition = -1;  // where this source, or the one before it under its path, went earlier; -1: new
};

// Owned by the sink; stays valid as long as the sink.
struct Lane {
  Arena arena;
  std::int32_t partition = -1;  // to be remembered in the checkpoint; -1: the sink has no partitions
  std::uint32_t number = 0;     // 0, 1, 2 ...: for arrays beside the sink
  virtual ~Lane() = default;
};

struct SinkCounters {
  std::uint64_t rejected_too_large = 0, rejected_invalid = 0, rejected_timestamp = 0;  // records
  std::uint64_t rebuilt_producers = 0;                                                 // each one rewinds
  std::map<std::string, std::uint64_t> broker_retries;                                 // by broker
  std::map<std::string, std::uint64_t> errors;                                         // by reason
  std::map<std::string, double> broker_rtt_seconds;                                    // by broker
};

struct StuckLane {
  std::string topic;
  std::int32_t partition = -1;
  std::string reason;
};

struct SinkStatus {
  bool is_up = true;           // false after 5 s with something outstanding and no answer, or with no broker in reach
  bool has_connected = false;  // reached its broker at least once since the start
  std::string reason;          // why it is not up, in a person's words; empty when it is
  std::vector<StuckLane> stuck;
  std::uint64_t inflight_records = 0;
};

// What `poll` found. The vectors are appended to.
struct SinkEvents {
  std::vector<Settled> settled;
  std::vector<SourceId> rewound;    // only these sources; their open batches were dropped: read again from acked
  bool rewind_all = false;          // every rereadable open batch was dropped (their slices are released)
  bool room_changed = false;        // a lane that had no room, or had no answer, may have now
  std::optional<std::string> stop;  // on_reject = "stop", or fenced: end the agent with exit status 1 and this line
};

class Sink {
 public:
  virtual ~Sink() = default;

  // The lane of a source; nullptr while it is not known (no metadata yet, unknown topic): ask again after room_changed.
  virtual Lane* route(const RouteRequest& request) = 0;
  // It leads nowhere any more (its topic came back with fewer partitions): its sources are to be routed anew.
  virtual bool is_gone(const Lane& lane) const { return static_cast<void>(lane), false; }
  // Bytes that may be read for this lane now; 0: none. What is read within it may always be published.
  virtual std::uint64_t room(const Lane& lane) const = 0;
  // Bytes that are being read for this lane: `room` of it does not count them, `room` of others may.
  virtual void set_reading(Lane& lane, std::uint64_t bytes) { static_cast<void>(lane), static_cast<void>(bytes); }
  // `hint`: how large one read for this lane is best (the sink's ideal batch).
  virtual std::uint32_t read_bytes_best() const { return 256 * 1024; }
  // Takes the batch; never fails. The slice is released when the batch is settled or rewound.
  virtual void publish(Lane& lane, Batch batch, Instant now) = 0;
  // Ends a turn's publishing: what was gathered goes out, at once or when its `linger` is over.
  virtual void flush(Instant now) { static_cast<void>(now); }
  // The agent is about to end: from now on nothing waits for company.
  virtual void hurry() {}
  virtual void poll(Instant now, SinkEvents& events) = 0;

  virtual int fd() const { return -1; }  // readable when poll has something
  virtual Instant next_deadline() const { return kNever; }

  // The sources of these open batches can no longer be read again (truncated, deleted): keep their bytes.
  virtual void pin(SourceId source) = 0;

  virtual bool is_empty() const { return false; }  // no batch is open
  virtual SinkStatus status(Instant now) const = 0;
  virtual const SinkCounters& counters() const = 0;
  virtual ChunkPool& pool() = 0;
};

}  // namespace tailrace
