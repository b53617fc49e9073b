// SinkLine: one sink with the reader of the files that go to it, and what is measured between them. Loop thread only.
#pragma once

#include <memory>

#include "agent/sink_outlet.h"
#include "agent/snapshot.h"
#include "config/config.h"
#include "tailers/file_reader.h"

namespace tailrace {

class SinkLine {
 public:
  SinkLine(const SinkConfig& config, std::unique_ptr<Sink> sink, Parts& parts);

  // What the sink says now; valid until the next call.
  SinkEvents& poll(Instant now);
  void settled(const LedgerMove& move, Instant now, WallTime wall);
  // After the turn's reads: what was gathered goes out, memory that nobody needs goes back.
  void end_turn(Instant now);
  Instant next_deadline() const;
  bool is_idle() const { return outlet_.is_empty() && reader_.in_flight() == 0; }
  SinkSnapshot snapshot(Instant now) const;

  const SinkConfig& config() const { return config_; }
  FileReader& reader() { return reader_; }
  Sink& sink() { return outlet_.sink(); }

 private:
  const SinkConfig config_;
  SinkOutlet outlet_;
  FileReader reader_;
  SinkEvents events_;
  Histogram delivery_seconds_ = latency_histogram();
  Duration held_back_{0};
  Instant held_back_since_ = kNever;
  Instant trim_at_ = kNever;
  double last_ack_unix_seconds_ = 0;
};

}  // namespace tailrace
