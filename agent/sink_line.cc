#include "agent/sink_line.h"

#include <algorithm>

namespace tailrace {
namespace {

constexpr Duration kTrimAfter = std::chrono::seconds(5);

std::string_view name_of(SinkType type) {
  switch (type) {
    case SinkType::kafka:
      return "kafka";
    case SinkType::file:
      return "file";
    case SinkType::stdout_lines:
      return "stdout";
    case SinkType::null:
      return "null";
  }
  return "";
}

}  // namespace

SinkLine::SinkLine(const SinkConfig& config, std::unique_ptr<Sink> sink, Parts& parts)
    : config_(config), outlet_(std::move(sink)), reader_(parts, outlet_) {}

SinkEvents& SinkLine::poll(Instant now) {
  events_ = {};
  outlet_.sink().poll(now, events_);
  return events_;
}

void SinkLine::settled(const LedgerMove& move, Instant now, WallTime wall) {
  delivery_seconds_.observe(to_seconds(now - move.read_at));
  last_ack_unix_seconds_ = to_seconds(wall.time_since_epoch());
}

void SinkLine::end_turn(Instant now) {
  outlet_.sink().flush(now);
  const bool is_held_back = reader_.is_held_back();
  if (held_back_since_ != kNever) held_back_ += now - held_back_since_;
  held_back_since_ = is_held_back ? now : kNever;

  ChunkPool& pool = outlet_.sink().pool();
  if (const std::uint64_t used = pool.budget().used(); used > 0 && is_idle()) {
    outlet_.close_arenas();
    // What a replaced producer still has is not ours to free: who waits for it would be woken in every turn.
    if (pool.budget().used() < used) reader_.memory_freed();
  }
  if (pool.free_chunks() == 0) {
    trim_at_ = kNever;
  } else if (trim_at_ == kNever) {
    trim_at_ = now + kTrimAfter;
  } else if (trim_at_ <= now) {
    pool.trim();
    trim_at_ = now + kTrimAfter;
  }
}

Instant SinkLine::next_deadline() const {
  return std::min({outlet_.sink().next_deadline(), reader_.next_deadline(), trim_at_});
}

SinkSnapshot SinkLine::snapshot(Instant now) const {
  Sink& sink = outlet_.sink();
  Duration held_back = held_back_;
  if (held_back_since_ != kNever) held_back += now - held_back_since_;
  return {.name = config_.name,
          .type = std::string(name_of(config_.type)),
          .status = sink.status(now),
          .counters = sink.counters(),
          .buffer_bytes = sink.pool().budget().used(),
          .buffer_limit_bytes = sink.pool().budget().limit(),
          .backpressure_seconds = to_seconds(held_back),
          .last_ack_unix_seconds = last_ack_unix_seconds_,
          .delivery_seconds = delivery_seconds_};
}

}  // namespace tailrace
