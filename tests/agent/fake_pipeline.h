// FakePipeline: does what the test tells it, and remembers what it was asked. Nothing of it fails by itself.
#pragma once

#include <optional>
#include <vector>

#include "agent/pipeline.h"

namespace tailrace {

class FakePipeline : public Pipeline {
 public:
  void start(Instant, WallTime) override { ++starts; }
  void turn(Instant, WallTime) override { ++turns; }
  Instant next_deadline() const override { return deadline; }
  std::vector<int> fds() const override { return watched; }
  void begin_drain(ShutdownMode mode, Instant) override { drains.push_back(mode); }
  bool is_drained() const override { return drained; }
  bool once_met_errors() const override { return met_errors; }
  std::uint64_t files_matched() const override { return matched; }
  std::optional<PipelineStop> stop() const override { return stopped; }
  Snapshot snapshot(Instant, WallTime, std::size_t lagging_files_max) const override {
    lagging_files_wanted.push_back(lagging_files_max);
    return now_shown;
  }

  int starts = 0, turns = 0;
  Instant deadline = kNever;
  std::vector<int> watched;
  std::vector<ShutdownMode> drains;
  bool drained = false, met_errors = false;
  std::uint64_t matched = 1;
  std::optional<PipelineStop> stopped;
  Snapshot now_shown;
  mutable std::vector<std::size_t> lagging_files_wanted;
};

}  // namespace tailrace
