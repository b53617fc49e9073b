// NullSink: takes everything, keeps nothing. A batch is settled by the next poll. Loop thread only.
#pragma once

#include <memory>
#include <vector>

#include "base/event_fd.h"
#include "sinks/sink.h"

namespace tailrace {

class NullSink final : public Sink {
 public:
  explicit NullSink(std::uint64_t memory_bytes) : pool_(memory_bytes) {}

  Lane* route(const RouteRequest&) override { return &lane_; }
  std::uint64_t room(const Lane&) const override { return pool_.budget().left(); }
  void publish(Lane& lane, Batch batch, Instant now) override;
  void poll(Instant now, SinkEvents& events) override;
  int fd() const override { return wake_.fd(); }
  void pin(SourceId) override {}
  bool is_empty() const override { return taken_.empty(); }
  SinkStatus status(Instant now) const override;
  const SinkCounters& counters() const override { return counters_; }
  ChunkPool& pool() override { return pool_; }

 private:
  ChunkPool pool_;
  Lane lane_;
  EventFd wake_;
  std::vector<Settled> taken_;
  std::uint64_t records_ = 0;
  SinkCounters counters_;
};

}  // namespace tailrace
