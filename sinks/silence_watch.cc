#include "sinks/silence_watch.h"

namespace tailrace {
namespace {

constexpr Duration kSilent = std::chrono::seconds(1);

}  // namespace

void SilenceWatch::on_sent(Instant now) {
  if (quiet_since_ != kNever) return;
  quiet_since_ = now;
  next_look_ = now + kSilent;
}

void SilenceWatch::on_answer(Instant now, bool is_all_told) {
  state_ = State::calm;
  quiet_since_ = is_all_told ? kNever : now;
  next_look_ = is_all_told ? kNever : now + kSilent;
}

SilenceWatch::State SilenceWatch::look(Instant now) {
  if (now < next_look_) return state_;
  state_ = State::silent;
  next_look_ = now + kSilent;
  return state_;
}

}  // namespace tailrace
