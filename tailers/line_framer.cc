#include "tailers/line_framer.h"

#include <cstring>

#include "base/check.h"

namespace tailrace {
namespace {

bool is_continuation(std::byte b) { return (b & std::byte{0xc0}) == std::byte{0x80}; }

// How long the UTF-8 sequence is that `lead` begins; 0 for what begins none.
std::size_t sequence_bytes(std::byte lead) {
  const auto b = std::to_integer<unsigned>(lead);
  if (b < 0x80) return 1;
  if (b < 0xc2) return 0;  // continuation bytes and overlong forms
  if (b < 0xe0) return 2;
  if (b < 0xf0) return 3;
  return b < 0xf5 ? 4 : 0;
}

// How much of `line` (longer than `limit`) is its first piece. Looks at no byte past line[limit]: that one has come
// whenever the cut is made, so the same line is cut alike whatever the reads were.
std::size_t piece_bytes(std::span<const std::byte> line, std::size_t limit) {
  if (!is_continuation(line[limit])) return limit;
  for (std::size_t back = 1; back <= 3 && back < limit; ++back) {
    const std::byte b = line[limit - back];
    if (is_continuation(b)) continue;
    return sequence_bytes(b) > back ? limit - back : limit;
  }
  return limit;
}

class Framer {
 public:
  Framer(std::span<const std::byte> bytes, std::uint32_t base, std::uint32_t limit, FrameState& state,
         std::vector<Line>& lines)
      : bytes_(bytes), base_(base), limit_(limit), state_(state), lines_(lines) {}

  FrameResult run(bool is_last) {
    while (at_ < bytes_.size()) {
      const void* found = std::memchr(bytes_.data() + at_, '\n', bytes_.size() - at_);
      if (found == nullptr) {
        unfinished(is_last);
        break;
      }
      finished(static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes_.data()));
    }
    result_.consumed = static_cast<std::uint32_t>(at_);
    return result_;
  }

 private:
  // The line ends at `newline`.
  void finished(std::size_t newline) {
    std::size_t end = newline;
    if (end > at_ && bytes_[end - 1] == std::byte{'\r'}) --end;
    while (end - at_ > limit_) cut(end);
    if (end > at_ || !state_.inside_long_line) emit(end);
    at_ = newline + 1;
    state_.inside_long_line = false;
  }

  // No line end in the rest of the bytes.
  void unfinished(bool is_last) {
    const std::size_t end = bytes_.size();
    while (is_last ? end - at_ > limit_ : is_surely_long()) cut(end);
    if (!is_last) return;
    emit(end);
    at_ = end;
    state_.inside_long_line = true;
  }

  // A "\r" just past the limit may still turn out to be half a line end.
  bool is_surely_long() const {
    const std::size_t there = bytes_.size() - at_;
    return there > limit_ && (there > std::size_t{limit_} + 1 || bytes_[at_ + limit_] != std::byte{'\r'});
  }

  void cut(std::size_t end) {
    const std::size_t piece = piece_bytes(bytes_.subspan(at_, end - at_), limit_);
    emit(at_ + piece);
    at_ += piece;
    if (!state_.inside_long_line) ++result_.long_lines;
    state_.inside_long_line = true;
  }

  void emit(std::size_t end) {
    lines_.push_back(
        {.begin = base_ + static_cast<std::uint32_t>(at_), .bytes = static_cast<std::uint32_t>(end - at_)});
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;  // the line or piece in hand begins here
  std::uint32_t base_;
  std::uint32_t limit_;
  FrameState& state_;
  std::vector<Line>& lines_;
  FrameResult result_;
};

}  // namespace

FrameResult frame_lines(std::span<const std::byte> bytes, std::uint32_t base, const FrameLimits& limits, bool is_last,
                        FrameState& state, std::vector<Line>& lines) {
  TR_ASSERT(limits.piece_bytes_max() > 0, "lines of at most 0 bytes");
  TR_ASSERT(bytes.size() <= 0xffffffffu - base, "{} bytes at base {} do not fit a Line", bytes.size(), base);
  return Framer(bytes, base, limits.piece_bytes_max(), state, lines).run(is_last);
}

}  // namespace tailrace
