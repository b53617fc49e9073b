// SinkOutlet: a Sink as its FileReader sees it. Loop thread only.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "sinks/sink.h"
#include "tailers/outlet.h"

namespace tailrace {

class SinkOutlet final : public Outlet {
 public:
  explicit SinkOutlet(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

  std::optional<LaneFound> route(std::string_view tailer, std::string_view path,
                                 const std::map<std::string, std::string>& labels, std::int32_t partition) override;
  bool is_gone(LaneNumber lane) const override { return sink_->is_gone(*lanes_[lane]); }
  std::uint64_t room(LaneNumber lane) const override { return sink_->room(*lanes_[lane]); }
  void set_reading(LaneNumber lane, std::uint64_t bytes) override { sink_->set_reading(*lanes_[lane], bytes); }
  std::uint32_t read_bytes_best() const override { return sink_->read_bytes_best(); }
  std::uint64_t memory_limit() const override { return sink_->pool().budget().limit(); }
  std::optional<Slice> reserve(LaneNumber lane, std::uint32_t bytes, std::uint64_t hint_bytes) override;
  std::uint64_t records_left() const override { return sink_->pool().budget().left() / kRecordOverheadBytes; }
  void publish(LaneNumber lane, Batch batch, Instant now) override;
  void pin(SourceId source) override { sink_->pin(source); }
  std::uint64_t hold(std::uint64_t bytes) override {
    const std::uint64_t held = std::min(bytes, sink_->pool().budget().left());
    sink_->pool().budget().take(held);
    return held;
  }
  void release(std::uint64_t bytes) override { sink_->pool().budget().give_back(bytes); }

  bool is_empty() const { return sink_->is_empty(); }

  Sink& sink() const { return *sink_; }
  // Lanes that hold a chunk open for the next read let go of it: it may be all that is left of the memory.
  void close_arenas();

 private:
  std::unique_ptr<Sink> sink_;
  std::vector<Lane*> lanes_;  // by number; the sink owns them
};

}  // namespace tailrace
