// StdoutSink: each line and a "\n" to a descriptor, in the order of the batches.
//
// Writes happen on a worker, one job at a time, so a pipe that nobody reads stops this sink and nothing else: what is
// not written yet is bounded by `memory`. A closed pipe ends the agent. Loop thread only, but for the job.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/event_fd.h"
#include "base/worker_pool.h"
#include "sinks/sink.h"

namespace tailrace {

class StdoutSink final : public Sink {
 public:
  // `fd` stays the caller's, and open until a job that hangs in it has ended.
  StdoutSink(int fd, std::uint64_t memory_bytes, WorkerPool& workers);
  ~StdoutSink() override;

  Lane* route(const RouteRequest&) override { return &lane_; }
  std::uint64_t room(const Lane& lane) const override;
  void publish(Lane& lane, Batch batch, Instant now) override;
  void flush(Instant now) override;
  void poll(Instant now, SinkEvents& events) override;
  int fd() const override { return wake_.fd(); }
  void pin(SourceId) override {}
  bool is_empty() const override { return waiting_.empty() && writing_.empty(); }
  SinkStatus status(Instant now) const override;
  const SinkCounters& counters() const override { return counters_; }
  ChunkPool& pool() override { return *pool_; }

 private:
  struct Job;
  void on_written(const std::string& failure);

  int out_;
  WorkerPool& workers_;
  std::unique_ptr<ChunkPool> pool_;
  Lane lane_;
  EventFd wake_;
  std::deque<Batch> waiting_;
  std::vector<Batch> writing_;  // by the job; their memory is read there
  std::uint64_t waiting_bytes_ = 0;
  std::uint64_t inflight_records_ = 0;
  Instant writing_since_ = kNever;
  std::vector<Settled> settled_;
  std::optional<std::string> stop_;
  WorkOwner owner_;
  SinkCounters counters_;
};

}  // namespace tailrace
