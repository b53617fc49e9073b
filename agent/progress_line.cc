#include "agent/progress_line.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "agent/text_table.h"

namespace tailrace {

namespace {

constexpr Duration kEvery = std::chrono::milliseconds(500);

}  // namespace

std::string progress_text(std::uint64_t acked_bytes, std::uint64_t lag_bytes, double bytes_per_second) {
  return fmt::format("shipped {}, {} to go, {}/s", human_bytes(acked_bytes), human_bytes(lag_bytes),
                     human_bytes(static_cast<std::uint64_t>(bytes_per_second)));
}

ProgressLine::ProgressLine(int fd) : fd_(fd) {
  if (isatty(fd) == 1) next_ = Instant::min();
}

void ProgressLine::show(const Snapshot& snapshot, Instant now) {
  if (now < next_) return;
  next_ = now + kEvery;
  std::uint64_t acked = 0, lag = 0;
  for (const TailerSnapshot& tailer : snapshot.tailers) {
    acked += tailer.counters.acked_bytes;
    lag += tailer.lag[static_cast<std::size_t>(Stage::acked)].bytes;
  }
  if (began_ == kNever) {
    began_ = now;
    acked_at_begin_ = acked;
  }
  const double seconds = to_seconds(now - began_);
  const double rate = seconds > 0 ? static_cast<double>(acked - acked_at_begin_) / seconds : 0;
  // The cursor stays at the line's begin: a log line that comes between overwrites it.
  write("\r\033[K" + progress_text(acked, lag, rate) + "\r");
  is_shown_ = true;
}

void ProgressLine::clear() {
  if (is_shown_) write("\r\033[K");
  is_shown_ = false;
}

void ProgressLine::write(const std::string& text) {
  pollfd terminal{fd_, POLLOUT, 0};
  if (poll(&terminal, 1, 0) == 1) static_cast<void>(!::write(fd_, text.data(), text.size()));
}

}  // namespace tailrace
