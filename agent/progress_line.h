// ProgressLine: one line on a terminal that is overwritten again and again; nothing where stderr is no terminal.
//
// Never waits: while the terminal takes nothing (stopped with ^S) it shows nothing. Loop thread only.
#pragma once

#include <string>

#include "agent/snapshot.h"
#include "base/clock.h"

namespace tailrace {

class ProgressLine {
 public:
  // `fd` stays the caller's. Nothing is ever written when it is no terminal.
  explicit ProgressLine(int fd);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // When `show` is due next; kNever without a terminal.
  Instant next_deadline() const { return next_; }
  void show(const Snapshot& snapshot, Instant now);
  void clear();  // the terminal is as if it had never been there

 private:
  void write(const std::string& text);

  const int fd_;
  Instant next_ = kNever;
  Instant began_ = kNever;
  std::uint64_t acked_at_begin_ = 0;
  bool is_shown_ = false;
};

// "shipped 1.2 GiB, 300.0 MiB to go, 120.5 MiB/s". Pure.
std::string progress_text(std::uint64_t acked_bytes, std::uint64_t lag_bytes, double bytes_per_second);

}  // namespace tailrace
