#include "agent/sink_outlet.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace tailrace {
namespace {

// A lane for each path, and room for all that fits into the memory.
class ManyLanes final : public Sink {
 public:
  explicit ManyLanes(std::uint64_t memory) : pool_(memory) {}
  struct OneLane final : Lane {};

  Lane* route(const RouteRequest&) override {
    OneLane& made = lanes_.emplace_back();
    made.number = static_cast<LaneNumber>(lanes_.size() - 1);
    return &made;
  }
  std::uint64_t room(const Lane&) const override { return pool_.budget().limit(); }
  void publish(Lane&, Batch, Instant) override {}
  void poll(Instant, SinkEvents&) override {}
  void pin(SourceId) override {}
  bool is_empty() const override { return true; }
  SinkStatus status(Instant) const override { return {}; }
  const SinkCounters& counters() const override { return counters_; }
  ChunkPool& pool() override { return pool_; }

 private:
  mutable ChunkPool pool_;
  std::deque<OneLane> lanes_;
  SinkCounters counters_;
};

// Each lane that has read something holds a chunk open for its next read, and nothing is in it.
TEST(SinkOutlet, ChunksThatIdleLanesHoldOpenKeepNobodyWaiting) {
  constexpr std::uint64_t kMemory = 4 * 1024 * 1024;
  constexpr std::uint32_t kRead = 64 * 1024;
  SinkOutlet outlet(std::make_unique<ManyLanes>(kMemory));
  for (int i = 0; i < 100; ++i) {
    const auto found = outlet.route("app", "/log/" + std::to_string(i), {}, -1);
    ASSERT_TRUE(found);
    ASSERT_TRUE(outlet.reserve(found->lane, kRead, kMemory)) << "lane " << i;
  }
}

}  // namespace
}  // namespace tailrace
