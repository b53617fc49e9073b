// SendWindow: how many bytes one lane may have in flight: one request's worth, the next when that is acknowledged.
//
// More behind it makes an idempotent librdkafka spin (decisions/0013), lengthens what a kill doubles and how long a
// live line waits, and gains nothing over a broker nearby. Over a far one (the quickest recent answer took more than 10
// ms) one request leaves the line empty most of the time: there the window grows, so that an acknowledgement takes 50
// to 100 ms. It shrinks, also below one request, where a slow broker takes longer than that by itself. Loop thread
// only.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace tailrace {

class SendWindow {
 public:
  // `block`: the bytes of one ideal request, at which it starts; never below an eighth of it, never above `bytes_max`.
  SendWindow(std::uint64_t block_bytes, std::uint64_t bytes_max);

  std::uint64_t bytes() const { return bytes_; }
  bool is_of_one_request() const { return bytes_ <= block_; }
  // A batch was acknowledged `took` after it was sent; `in_flight` bytes were out just before.
  void on_ack(Duration took, std::uint64_t in_flight, Instant now);

 private:
  void remember_quickest(Duration took, std::uint64_t in_flight, Instant now);

  std::uint64_t block_;
  std::uint64_t max_;
  std::uint64_t bytes_;
  Duration quickest_ = Duration::max();      // of this and the last period
  Duration quickest_now_ = Duration::max();  // of this period
  Instant period_end_{};
  Instant next_change_{};  // one change a round trip: what is acknowledged before was sent under the old window
};

}  // namespace tailrace
