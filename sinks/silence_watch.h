// SilenceWatch: tells that nothing is acknowledged any more though something is out.
//
//   calm ──records out, no report for 1 s──▶ silent ──a report──▶ calm
//
// Loop thread only.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace tailrace {

class SilenceWatch {
 public:
  enum class State : std::uint8_t { calm, silent };

  void on_sent(Instant now);                      // records went out
  void on_answer(Instant now, bool is_all_told);  // reports came; is_all_told: nothing is outstanding any more
  void on_replaced() { *this = SilenceWatch(); }  // a new producer, nothing outstanding

  // To be called at next_deadline at the latest: each second while it is silent.
  State look(Instant now);
  State state() const { return state_; }
  Instant quiet_since() const { return quiet_since_; }  // kNever when nothing is outstanding
  Instant next_deadline() const { return next_look_; }

 private:
  State state_ = State::calm;
  Instant quiet_since_ = kNever;
  Instant next_look_ = kNever;
};

}  // namespace tailrace
