// Snapshot: what HTTP and `status` say, copied out of the loop's state at one moment.
//
// Made by the loop thread when someone asks, read by the HTTP threads; never changed once made.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "buffer/source.h"
#include "sinks/sink.h"
#include "tailers/tailer_counters.h"

namespace tailrace {

struct Histogram {
  std::vector<double> bounds;         // upper bounds, seconds, ascending; without +Inf
  std::vector<std::uint64_t> counts;  // one more than bounds; not cumulative
  double sum = 0;
  void observe(double seconds);
};

Histogram latency_histogram();  // 1 ms to 5 min, nothing observed

struct Lag {
  std::uint64_t bytes = 0;
  double seconds = 0;
};

struct LaggingFile {
  std::string path;
  std::uint64_t inode = 0, size = 0, read = 0, acked = 0, durable = 0;
  std::string state;   // discovered idle reading draining finished parked
  std::string reason;  // what it waits for; "" when for nothing
};

struct TailerSnapshot {
  std::string name, sink;
  TailerCounters counters;
  std::array<Lag, kStages> lag;
  Lag file_lag_max;  // of the file that is furthest behind (stage acked)
  std::uint64_t files_open = 0, files_idle = 0, files_finished = 0, files_parked = 0;
  std::uint64_t deleted_bytes = 0;
  std::uint64_t polled_directories = 0;
  double scan_seconds = 0;                 // the last scan took so long
  std::vector<LaggingFile> files_lagging;  // the furthest behind first
  std::vector<SourceId> sources_lagging;   // all of them, likewise; only when they were asked for
};

struct SinkSnapshot {
  std::string name, type;
  SinkStatus status;
  SinkCounters counters;
  std::uint64_t buffer_bytes = 0, buffer_limit_bytes = 0;
  double backpressure_seconds = 0;
  double last_ack_unix_seconds = 0;  // 0: none yet
  Histogram delivery_seconds;
};

struct CheckpointSnapshot {
  std::string fsync;
  double unsynced_seconds = 0;
  std::uint64_t writes = 0, errors = 0;
  Histogram fsync_seconds;
};

struct Snapshot {
  std::string agent_name, engine;
  double uptime_seconds = 0;
  bool is_scanned = false;  // the first scan is done
  std::vector<TailerSnapshot> tailers;
  std::vector<SinkSnapshot> sinks;
  CheckpointSnapshot checkpoint;
  std::uint64_t watch_overflows = 0;
  bool last_reload_successful = true;
  double last_reload_unix_seconds = 0;
};

}  // namespace tailrace
