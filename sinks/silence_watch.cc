#include "sinks/silence_watch.h"

#include <algorithm>

namespace tailrace {
namespace {

constexpr Duration kSilent = std::chrono::seconds(1);
constexpr Duration kSample = std::chrono::seconds(1);
// Counted from the last report. Frozen altogether: the CPU is quiet well before 5 s.
constexpr Duration kPatience = std::chrono::seconds(3);
constexpr Duration kPatienceHeard = std::chrono::seconds(10);
constexpr unsigned kDoublingsMax = 4;
// A spin takes what the scheduler gives it, 30 to 100 % of a core; an idle producer 0.1 to 0.5 %.
constexpr double kSpinShare = 0.05;

}  // namespace

void SilenceWatch::on_sent(Instant now) {
  if (quiet_since_ != kNever) return;
  quiet_since_ = now;
  next_look_ = now + kSilent;
}

void SilenceWatch::on_answer(Instant now, bool is_all_told) {
  state_ = State::calm;
  replaced_ = 0;
  quiet_since_ = is_all_told ? kNever : now;
  next_look_ = is_all_told ? kNever : now + kSilent;
}

void SilenceWatch::on_replaced() {
  const unsigned replaced = std::min(replaced_ + 1, kDoublingsMax);
  *this = SilenceWatch();
  replaced_ = replaced;
}

SilenceWatch::State SilenceWatch::look(Instant now, Duration cpu, bool is_heard) {
  if (now < next_look_) return state_;
  next_look_ = now + kSample;
  const bool is_first = state_ == State::calm;
  const double share = is_first ? 0 : to_seconds(cpu - cpu_) / to_seconds(now - sampled_at_);
  const Duration patience = (is_heard ? kPatienceHeard : kPatience) * (1u << replaced_);
  const bool is_spinning = now - quiet_since_ >= patience && share > kSpinShare;
  state_ = is_spinning ? State::spinning : State::silent;
  sampled_at_ = now;
  cpu_ = cpu;
  return state_;
}

}  // namespace tailrace
