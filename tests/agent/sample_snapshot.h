// A Snapshot with one tailer and one sink, with a different number in every place that is shown.
#pragma once

#include "agent/snapshot.h"

namespace tailrace {

inline Snapshot sample_snapshot() {
  TailerSnapshot tailer;
  tailer.name = "app";
  tailer.sink = "main";
  tailer.counters.read_bytes = 1001;
  tailer.counters.read_lines = 1002;
  tailer.counters.acked_bytes = 1003;
  tailer.counters.acked_lines = 1004;
  tailer.counters.lost_bytes = {11, 12, 13, 14, 15, 16};
  tailer.counters.lost_files = {21, 22, 23, 24, 25, 26};
  tailer.counters.long_lines_split = 31;
  tailer.counters.long_lines_truncated = 32;
  tailer.counters.long_lines_skipped = 33;
  tailer.counters.long_lines_cut = 34;
  tailer.counters.filtered_keep = 35;
  tailer.counters.filtered_drop = 36;
  tailer.counters.hole_bytes = 37;
  tailer.counters.invalid_utf8 = 38;
  tailer.counters.format_errors = 39;
  tailer.counters.rotations_renamed = 41;
  tailer.counters.rotations_truncated = 42;
  tailer.counters.rotations_deleted = 43;
  tailer.counters.open_errors = {51, 52, 53, 54};
  tailer.counters.rewound_bytes = 61;
  tailer.lag = {Lag{71, 0.5}, Lag{72, 1.5}, Lag{73, 2.5}};
  tailer.file_lag_max = {74, 3.5};
  tailer.files_open = 81;
  tailer.files_idle = 82;
  tailer.files_finished = 83;
  tailer.files_parked = 84;
  tailer.deleted_bytes = 85;
  tailer.polled_directories = 86;
  tailer.scan_seconds = 0.25;
  for (int i = 0; i < 3; ++i) {
    LaggingFile file;
    file.path = "/var/log/app." + std::to_string(i);
    file.inode = 91;
    file.size = 95;
    file.read = 94;
    file.acked = 93;
    file.durable = 92;
    file.state = "reading";
    tailer.files_lagging.push_back(file);
  }

  SinkSnapshot sink;
  sink.name = "main";
  sink.type = "kafka";
  sink.status.is_up = false;
  sink.status.has_connected = true;
  sink.status.reason = "no answer for 7 s";
  sink.status.stuck = {{"logs", 3, "leader not available"}};
  sink.status.inflight_records = 101;
  sink.counters.rejected_too_large = 102;
  sink.counters.rejected_invalid = 103;
  sink.counters.rejected_timestamp = 104;
  sink.counters.rebuilt_producers = 105;
  sink.counters.broker_retries["b1:9092/1"] = 106;
  sink.counters.broker_rtt_seconds["b1:9092/1"] = 0.125;
  sink.counters.errors["transport"] = 107;
  sink.buffer_bytes = 108;
  sink.buffer_limit_bytes = 109;
  sink.backpressure_seconds = 1.25;
  sink.last_ack_unix_seconds = 1700000000;
  sink.delivery_seconds = {{0.1, 1}, {2, 3, 4}, 5.5};

  Snapshot snapshot;
  snapshot.agent_name = "host1";
  snapshot.engine = "io_uring";
  snapshot.uptime_seconds = 12.5;
  snapshot.is_scanned = true;
  snapshot.tailers = {tailer};
  snapshot.sinks = {sink};
  snapshot.checkpoint = {"async", 0.75, 111, 112, {{0.001}, {5, 6}, 0.5}};
  snapshot.watch_overflows = 113;
  snapshot.last_reload_unix_seconds = 1700000001;
  return snapshot;
}

// As it is before anything happened: two tailers, one sink, nothing counted.
inline Snapshot fresh_snapshot() {
  Snapshot snapshot;
  snapshot.agent_name = "host1";
  snapshot.engine = "sync";
  snapshot.tailers.resize(2);
  snapshot.tailers[0].name = "app";
  snapshot.tailers[1].name = "sys";
  snapshot.sinks.resize(1);
  snapshot.sinks[0].name = snapshot.tailers[0].sink = snapshot.tailers[1].sink = "main";
  snapshot.sinks[0].type = "kafka";
  snapshot.checkpoint.fsync = "async";
  return snapshot;
}

}  // namespace tailrace
