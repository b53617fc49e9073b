// The line framer against a naive model that sees the whole file at once: however the file is divided into reads, the
// lines, their offsets and the count of long ones are the model's, and where reading stopped it can begin anew.
//
//   input:   LIMIT END STEPS \n TEXT      each a character, '0' is 0: line_bytes_max; how much of TEXT had come when
//   the
//                                         file ended for good (0: it did not); so many bytes came at a time, in turn
//   "32123\nab\ncd\n": limit 3, an end after 2 bytes, reads that bring 1, 2, 3, 1, 2, ... bytes
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tailers/line_framer.h"
#include "tests/fuzz/fuzz_input.h"

namespace tailrace {
namespace {

struct Framed {
  std::vector<std::string> lines;  // "OFFSET:BYTES"
  std::size_t consumed = 0;
  std::size_t long_lines = 0;
  bool operator==(const Framed&) const = default;
  void add(std::size_t at, std::string_view line) { lines.push_back(std::to_string(at) + ":" + std::string(line)); }
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::size_t sequence_bytes(char lead) {
  const auto b = static_cast<unsigned char>(lead);
  if (b >= 0xc2 && b <= 0xdf) return 2;
  if (b >= 0xe0 && b <= 0xef) return 3;
  return b >= 0xf0 && b <= 0xf4 ? 4 : 1;
}

// The first piece of what is longer than `limit`: all of it that fits, but not a part of a UTF-8 sequence that goes on
// behind it, unless nothing else would be left.
std::size_t piece_bytes(std::string_view text, std::size_t limit) {
  for (std::size_t begin = limit; begin-- > 1 && begin + 3 >= limit;) {
    const std::string_view between = text.substr(begin + 1, limit - begin);
    if (std::all_of(between.begin(), between.end(), is_continuation) && sequence_bytes(text[begin]) > limit - begin)
      return begin;
  }
  return limit;
}

// Frames all of `file` from `framed.consumed` on.
void frame_plainly(std::string_view file, std::size_t limit, bool is_last, bool& is_inside, Framed& framed) {
  while (framed.consumed < file.size()) {
    const std::string_view rest = file.substr(framed.consumed);
    const std::size_t newline = rest.find('\n');
    const bool is_whole = newline != std::string_view::npos;
    std::string_view line = rest.substr(0, newline);
    if (is_whole && line.ends_with('\r')) line.remove_suffix(1);
    // Of an unfinished line a "\r" right behind the limit may be half a line end.
    const bool may_end_here = !is_whole && !is_last && line.size() == limit + 1 && line.ends_with('\r');
    if (line.size() > limit && !may_end_here) {
      const std::size_t piece = piece_bytes(line, limit);
      framed.add(framed.consumed, line.substr(0, piece));
      framed.consumed += piece;
      framed.long_lines += is_inside ? 0 : 1;
      is_inside = true;
      continue;
    }
    if (!is_whole && !is_last) return;
    if (!line.empty() || !is_inside) framed.add(framed.consumed, line);
    framed.consumed += is_whole ? newline + 1 : line.size();
    is_inside = !is_whole;
  }
}

// The framer, on what it is handed: bytes from where it stopped up to `end`.
class Reading {
 public:
  Reading(std::string_view file, std::uint32_t limit) : file_(file) { limits_.line_bytes_max = limit; }

  void read_to(std::size_t end, bool is_last = false) {
    const std::size_t begin = framed_.consumed;
    const std::string_view slice = file_.substr(begin, end - begin);
    std::vector<Line> lines;
    const FrameResult result = frame_lines(std::as_bytes(std::span(slice)), kBase, limits_, is_last, state_, lines);
    TR_ASSERT(result.consumed <= slice.size(), "{} bytes of {}", result.consumed, slice.size());
    for (const Line& line : lines) {
      TR_ASSERT(line.begin >= kBase && line.begin - kBase + line.bytes <= result.consumed, "a line outside the bytes");
      framed_.add(begin + line.begin - kBase, slice.substr(line.begin - kBase, line.bytes));
    }
    framed_.consumed += result.consumed;
    framed_.long_lines += result.long_lines;
    TR_ASSERT(result.consumed > 0 || slice.size() < limits_.progress_bytes(), "{} bytes, nothing read", slice.size());
    // A restart at this offset has only the byte before it to go by.
    const bool is_inside = framed_.consumed > 0 && file_[framed_.consumed - 1] != '\n';
    TR_ASSERT(state_.inside_long_line == is_inside, "at {} a restart would go on differently", framed_.consumed);
  }
  // As little at a time as promises progress.
  void read_by_windows() {
    for (std::size_t before = framed_.consumed, end = 0; end < file_.size(); before = framed_.consumed) {
      end = std::min<std::size_t>(file_.size(), before + limits_.progress_bytes());
      read_to(end);
    }
  }
  const Framed& framed() const { return framed_; }

 private:
  static constexpr std::uint32_t kBase = 64;
  std::string_view file_;
  FrameLimits limits_;
  FrameState state_;
  Framed framed_;
};

void check(std::string_view file, std::uint32_t limit, std::size_t ended_at, std::string_view steps) {
  Framed expected;
  bool is_inside = false;
  frame_plainly(file.substr(0, ended_at), limit, true, is_inside, expected);
  frame_plainly(file, limit, false, is_inside, expected);

  Reading whole(file, limit), windows(file, limit), stepwise(file, limit);
  for (Reading* reading : {&whole, &windows}) {
    if (ended_at > 0) reading->read_to(ended_at, true);
  }
  whole.read_to(file.size());
  windows.read_by_windows();
  for (std::size_t end = 0, turn = 0; end < file.size(); ++turn) {
    const std::size_t step = steps.empty() ? 1 : static_cast<std::uint8_t>(steps[turn % steps.size()] - '0');
    const std::size_t until = end < ended_at ? ended_at : file.size();
    end = std::min(until, end + std::max<std::size_t>(1, step));
    stepwise.read_to(end, end == ended_at);
  }
  TR_ASSERT(whole.framed() == expected, "in one read");
  TR_ASSERT(windows.framed() == expected, "by windows of limit + 2");
  TR_ASSERT(stepwise.framed() == expected, "by steps of \"{}\"", steps);
}

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tailrace::FuzzInput input(data, size);
  const std::uint32_t limit = std::max(1u, input.number());
  const std::size_t ended_at = input.number();
  const std::string_view steps = input.line();
  const std::string_view file = input.rest();
  tailrace::check(file, limit, std::min(ended_at, file.size()), steps);
  return 0;
}
