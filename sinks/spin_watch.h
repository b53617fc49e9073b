// SpinWatch: whether the thread that talks to one broker burns CPU over that broker's silence, and when its partitions
// are to be parked and resumed (KafkaClient::park; decisions/0013).
//
//   calm ──1 s without a report──▶ watched ──above 2 % of a core──▶ parked ──a sign, or 5 s──▶ trial
//     ▲                               │                               ▲                          │
//     └───────────a report────────────┴───────────────────────────────┴─────it spins again───────┘
//
// A sign is whatever may mean that the silence is over without a report of it: an error, an answer to a question. What
// is parked has nothing to report where its requests were given up meanwhile; so it is tried now and then, with or
// without a sign: 50 ms in 5 s is 1 % of a core at most. Never parked without a spin: what waits unsent behind a
// connection that is down must go out when it is up.
// Pure: the caller brings times and CPU clocks. Loop thread only.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace tailrace {

class SpinWatch {
 public:
  enum class Verdict : std::uint8_t { none, park, resume };

  void on_sent(Instant now);
  Verdict on_report(Instant now, bool is_all_told);  // is_all_told: nothing is out at this broker any more
  Verdict on_sign(Instant now);
  // To be called at next_deadline. `cpu`: what the thread has used so far.
  Verdict look(Instant now, Duration cpu);

  bool is_parked() const { return state_ == State::parked; }
  Instant next_deadline() const { return next_look_; }

 private:
  enum class State : std::uint8_t { calm, watched, parked, trial };
  void sample(State state, Instant now, Duration window);

  State state_ = State::calm;
  Instant quiet_since_ = kNever;
  Instant next_look_ = kNever;
  Instant sampled_at_{};
  Duration cpu_{0};
  bool has_sample_ = false;
};

}  // namespace tailrace
