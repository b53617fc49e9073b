#include "sinks/spin_watch.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
constexpr Duration kSilent = std::chrono::seconds(1);
constexpr Duration kWindow = milliseconds(100);
constexpr Duration kTrialWindow = milliseconds(50);
constexpr Duration kTrialEvery = std::chrono::seconds(5);
// A spin takes what the scheduler gives it, 30 to 100 % of a core; an idle thread 0.1 to 0.5 %.
constexpr double kSpinShare = 0.02;

}  // namespace

void SpinWatch::on_sent(Instant now) {
  if (quiet_since_ != kNever) return;
  quiet_since_ = now;
  next_look_ = now + kSilent;
}

SpinWatch::Verdict SpinWatch::on_report(Instant now, bool is_all_told) {
  const bool was_parked = is_parked();
  *this = SpinWatch();
  if (!is_all_told) on_sent(now);
  return was_parked ? Verdict::resume : Verdict::none;
}

SpinWatch::Verdict SpinWatch::on_sign(Instant now) {
  if (!is_parked()) return Verdict::none;
  sample(State::trial, now, Duration(0));
  return Verdict::resume;
}

// The clock is read by the next look, `window` before the one that judges.
void SpinWatch::sample(State state, Instant now, Duration window) {
  state_ = state;
  has_sample_ = false;
  next_look_ = now + window;
}

SpinWatch::Verdict SpinWatch::look(Instant now, Duration cpu) {
  if (now < next_look_) return Verdict::none;
  if (state_ == State::parked) return on_sign(now);
  if (state_ == State::calm) state_ = State::watched;
  if (!has_sample_) {
    has_sample_ = true;
    sampled_at_ = now;
    cpu_ = cpu;
    next_look_ = now + (state_ == State::trial ? kTrialWindow : kWindow);
    return Verdict::none;
  }
  if (to_seconds(cpu - cpu_) > kSpinShare * to_seconds(now - sampled_at_)) {
    sample(State::parked, now, kTrialEvery);
    return Verdict::park;
  }
  sample(State::watched, now, kSilent);
  return Verdict::none;
}

}  // namespace tailrace
