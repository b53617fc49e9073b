// SilenceWatch: tells a broker that is connected but silent, and a librdkafka that spins over it.
//
//   calm ──records out, no report for 1 s──▶ silent ──patience at its end, and its threads burn CPU──▶ spinning
//     ▲────────────────a report──────────────────┘
//
// A spinning producer does not come to rest by itself before its requests time out (60 s); it has to be replaced. One
// that is silent but idle is left alone: it delivers without doubling once the broker answers. A slow broker is silent
// too, and idempotence spins over it as well: so patience is longer while some broker answers questions, and doubles
// with every replacement until something is delivered. Loop thread only.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace tailrace {

class SilenceWatch {
 public:
  enum class State : std::uint8_t { calm, silent, spinning };

  void on_sent(Instant now);                      // records went out
  void on_answer(Instant now, bool is_all_told);  // reports came; is_all_told: nothing is outstanding any more
  void on_replaced();                             // a new producer, nothing outstanding

  // To be called at next_deadline at the latest. `cpu`: used so far by the producer's threads; `is_heard`: a broker has
  // answered a question since the silence began.
  State look(Instant now, Duration cpu, bool is_heard);
  State state() const { return state_; }
  Instant quiet_since() const { return quiet_since_; }  // kNever when nothing is outstanding
  Instant next_deadline() const { return next_look_; }

 private:
  State state_ = State::calm;
  Instant quiet_since_ = kNever;
  Instant next_look_ = kNever;
  Instant sampled_at_{};
  Duration cpu_{0};
  unsigned replaced_ = 0;  // since the last report
};

}  // namespace tailrace
