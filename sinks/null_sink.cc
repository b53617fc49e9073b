#include "sinks/null_sink.h"

namespace tailrace {

void NullSink::publish(Lane&, Batch batch, Instant) {
  if (taken_.empty()) wake_.signal();
  taken_.push_back({.batch = batch.id});
  records_ += batch.lines.size();
}

void NullSink::poll(Instant, SinkEvents& events) {
  wake_.clear();
  if (taken_.empty()) return;
  events.settled.insert(events.settled.end(), taken_.begin(), taken_.end());
  events.room_changed = true;
  taken_.clear();
  records_ = 0;
}

SinkStatus NullSink::status(Instant) const {
  return {.has_connected = true, .reason = {}, .stuck = {}, .inflight_records = records_};
}

}  // namespace tailrace
