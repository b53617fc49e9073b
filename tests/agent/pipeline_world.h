// PipelineWorld: the whole Pipeline on simulated twins, driven by hand in simulated time. No thread, no sleep, no
// socket.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/pipeline.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_watcher.h"
#include "tests/sim/sim_worker_pool.h"

namespace tailrace {

// A sink that a test can stall, and that forgets what it was given when told to rewind.
class ScriptedSink final : public Sink {
 public:
  explicit ScriptedSink(std::uint64_t memory) : pool_(memory) {}

  struct OnlyLane final : Lane {};

  Lane* route(const RouteRequest& request) override {
    paths_seen.emplace_back(request.path);
    partitions_asked.push_back(request.partition);
    lane_.partition = 0;
    return &lane_;
  }
  std::uint64_t room(const Lane&) const override { return room_left; }
  void publish(Lane&, Batch batch, Instant) override {
    EXPECT_FALSE(batch.lines.empty());
    open_.push_back(std::move(batch));
  }
  void poll(Instant, SinkEvents& events) override {
    events.room_changed = true;
    if (must_rewind) {
      must_rewind = false;
      events.rewind_all = true;
      std::deque<Batch> kept;
      for (Batch& batch : open_) {
        if (pinned_.contains(batch.source)) kept.push_back(std::move(batch));
      }
      open_.swap(kept);
      return;
    }
    if (is_stalled) return;
    for (Batch& batch : open_) {
      if (is_silent && !arrived_.insert(batch.id).second) continue;
      for (const Line& line : batch.lines) {
        delivered.emplace_back(reinterpret_cast<const char*>(batch.slice.data()) + line.begin, line.bytes);
      }
      if (!is_silent) events.settled.push_back({.batch = batch.id});
    }
    if (!is_silent) open_.clear();
  }
  void pin(SourceId source) override { pinned_[source] = true; }
  bool is_empty() const override { return open_.empty(); }
  SinkStatus status(Instant) const override {
    SinkStatus status;
    status.inflight_records = open_.size();
    return status;
  }
  const SinkCounters& counters() const override { return counters_; }
  ChunkPool& pool() override { return pool_; }

  std::vector<std::string> delivered;
  std::vector<std::string> paths_seen;
  std::vector<std::int32_t> partitions_asked;  // for: -1: none yet
  std::uint64_t room_left = 1 << 20;
  bool is_stalled = false, must_rewind = false;
  bool is_silent = false;  // what it is given arrives, and nobody hears of it
  std::size_t open() const { return open_.size(); }

 private:
  ChunkPool pool_;
  OnlyLane lane_;
  std::deque<Batch> open_;
  std::set<BatchId> arrived_;  // while it was silent
  std::map<SourceId, bool> pinned_;
  SinkCounters counters_;
};

struct PipelineWorld : testing::Test {
  SimClock clock;
  SimFileSystem disk;
  std::unique_ptr<SimWatcher> watcher;
  std::unique_ptr<SimEngine> engine;
  std::unique_ptr<SimWorkerPool> workers;
  std::unique_ptr<Pipeline> pipeline;
  ScriptedSink* sink = nullptr;
  Config config;
  PipelineOptions options;
  std::size_t watch_limit = SIZE_MAX;         // of the watchers that `start` makes
  std::vector<std::string> delivered_before;  // by sinks of earlier runs

  PipelineWorld() {
    config.agent.name = "host";
    config.agent.state_dir = "/state";
    TailerConfig& tailer = config.tailers.emplace_back();
    tailer.name = "app";
    tailer.include = {"/log/*.log"};
    tailer.sink = "main";
    SinkConfig& sink_config = config.sinks.emplace_back();
    sink_config.name = "main";
    sink_config.type = SinkType::null;
    disk.make("/state");
    disk.make("/log");
  }
  ~PipelineWorld() override { stop(); }

  void start() {
    start_unsettled();
    run();
  }
  // Without waiting for the first scan.
  void start_unsettled() {
    create();
    if (!pipeline) return;
    disk.set_time(clock.wall());
    pipeline->start(clock.now(), clock.wall());
  }
  // A start that fails behind the journal: the port is taken, say.
  void start_that_fails() {
    create();
    kill();
  }
  void create() {
    engine = std::make_unique<SimEngine>(disk);
    workers = std::make_unique<SimWorkerPool>();
    watcher.reset();  // the old one stops listening before the new one begins
    watcher = std::make_unique<SimWatcher>(disk);
    watcher->set_watch_limit(watch_limit);
    auto made = Pipeline::create(config, options,
                                 {.files = disk,
                                  .engine = *engine,
                                  .workers = *workers,
                                  .watcher = *watcher,
                                  .make_sink = [this](const SinkConfig& wanted) -> Result<std::unique_ptr<Sink>> {
                                    auto own = std::make_unique<ScriptedSink>(wanted.memory);
                                    sink = own.get();
                                    return std::unique_ptr<Sink>(std::move(own));
                                  }});
    ASSERT_TRUE(made) << made.error().text();
    pipeline = std::move(*made);
  }
  // kill -9, and gone.
  void kill() {
    if (!pipeline) return;
    delivered_before.insert(delivered_before.end(), sink->delivered.begin(), sink->delivered.end());
    sink = nullptr;
    engine->forget_all();
    workers->forget_all();
    disk.kill_process();
    pipeline.reset();
  }
  void stop() {
    if (!pipeline) return;
    for (int i = 0; i < 50; ++i) step();
    kill();
  }
  void step(Duration by = std::chrono::milliseconds(1)) {
    clock.advance(by);
    disk.set_time(clock.wall());
    pipeline->turn(clock.now(), clock.wall());
  }
  // Until all that can happen within `time` has happened.
  void run(Duration time = std::chrono::milliseconds(300)) {
    const Instant end = clock.now() + time;
    while (clock.now() < end) step(std::chrono::milliseconds(5));
  }

  // The agent runs; a.log is there with so many lines, was looked at, and may not be opened.
  void refuse_a(int line_count) {
    start();
    disk.append("/log/a.log", lines(0, line_count));
    disk.set_permitted("/log/a.log", false);
    run();
  }
  void drain() {
    pipeline->begin_drain(ShutdownMode::drain, clock.now());
    for (int i = 0; i < 400 && !pipeline->is_drained(); ++i) step(std::chrono::milliseconds(5));
    EXPECT_TRUE(pipeline->is_drained());
  }

  std::vector<std::string> delivered() const {
    std::vector<std::string> all = delivered_before;
    if (sink != nullptr) all.insert(all.end(), sink->delivered.begin(), sink->delivered.end());
    return all;
  }
  TailerSnapshot tailer() const { return pipeline->snapshot(clock.now(), clock.wall(), 100).tailers.front(); }
  std::uint64_t lost(LostReason reason) const { return tailer().counters.lost_bytes[static_cast<std::size_t>(reason)]; }

  static std::string lines(int begin, int end, const std::string& word = "line") {
    std::string text;
    for (int i = begin; i < end; ++i) text += word + " " + std::to_string(i) + "\n";
    return text;
  }
  static std::vector<std::string> list(int begin, int end, const std::string& word = "line") {
    std::vector<std::string> all;
    for (int i = begin; i < end; ++i) all.push_back(word + " " + std::to_string(i));
    return all;
  }
};

inline std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace tailrace
