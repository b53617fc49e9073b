// SendWindow: how many bytes one lane may have in flight, so that an acknowledgement takes 50 to 100 ms.
//
//   took < 50 ms and the window was the limit: grows     50 to 100 ms: stays     over 100 ms: shrinks
//
// What a broker needs even for a small request (a far one, a slow disk) is not queueing: where the quickest recent
// answer already takes long, the band lies above it. Short queues bound what a rewind doubles and how long a live line
// waits. Loop thread only.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace tailrace {

class SendWindow {
 public:
  // `block`: the bytes of one ideal request. Starts at two of them; never below an eighth of one, never above
  // `bytes_max`.
  SendWindow(std::uint64_t block_bytes, std::uint64_t bytes_max);

  std::uint64_t bytes() const { return bytes_; }
  // A batch was acknowledged `took` after it was sent; `in_flight` bytes were out just before.
  void on_ack(Duration took, std::uint64_t in_flight, Instant now);

 private:
  void remember_quickest(Duration took, Instant now);

  std::uint64_t block_;
  std::uint64_t max_;
  std::uint64_t bytes_;
  Duration quickest_ = Duration::max();      // of this and the last period
  Duration quickest_now_ = Duration::max();  // of this period
  Instant period_end_{};
  Instant next_change_{};  // one change a round trip: what is acknowledged before was sent under the old window
};

}  // namespace tailrace
