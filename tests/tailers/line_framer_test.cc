#include "tailers/line_framer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tailrace {
namespace {

using namespace std::string_literals;
using Lines = std::vector<std::string>;

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

struct Framed {
  Lines lines;
  std::uint32_t consumed = 0;
  std::uint32_t long_lines = 0;
  bool operator==(const Framed&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Framed& framed) {
  for (const std::string& line : framed.lines) out << testing::PrintToString(line) << ' ';
  return out << "consumed " << framed.consumed << " long " << framed.long_lines;
}

Framed frame(std::string_view text, FrameState& state, std::uint32_t line_bytes_max, bool is_last = false) {
  std::vector<Line> lines;
  const std::uint32_t base = 100;
  const FrameResult result =
      frame_lines(as_bytes(text), base, {.line_bytes_max = line_bytes_max}, is_last, state, lines);
  Framed framed{.lines = {}, .consumed = result.consumed, .long_lines = result.long_lines};
  for (const Line& line : lines) framed.lines.emplace_back(text.substr(line.begin - base, line.bytes));
  return framed;
}

Framed frame(std::string_view text, std::uint32_t line_bytes_max, bool is_last = false) {
  FrameState state;
  return frame(text, state, line_bytes_max, is_last);
}

TEST(LineFramer, EndsLinesAtNewlinesAndLeavesAnUnfinishedOne) {
  EXPECT_EQ(frame("", 9), (Framed{{}, 0, 0}));
  EXPECT_EQ(frame("abc", 9), (Framed{{}, 0, 0}));
  EXPECT_EQ(frame("abc\n", 9), (Framed{{"abc"}, 4, 0}));
  EXPECT_EQ(frame("abc\nde", 9), (Framed{{"abc"}, 4, 0}));
  EXPECT_EQ(frame("\n\nx\n", 9), (Framed{{"", "", "x"}, 4, 0}));
}

TEST(LineFramer, RemovesOneCarriageReturnBeforeTheNewline) {
  EXPECT_EQ(frame("a\r\n\r\nb\rc\r\r\n", 9), (Framed{{"a", "", "b\rc\r"}, 11, 0}));
  EXPECT_EQ(frame("a\r", 9), (Framed{{}, 0, 0}));
}

TEST(LineFramer, TakesNulsAndInvalidUtf8AsTheyAre) {
  EXPECT_EQ(frame("a\0b\n\xff\xfe\n\0\n"s, 9), (Framed{{"a\0b"s, "\xff\xfe", "\0"s}, 9, 0}));
}

TEST(LineFramer, TakesAnUnfinishedLineForALineWhenTheFileEndsForGood) {
  EXPECT_EQ(frame("a\nbc", 9, true), (Framed{{"a", "bc"}, 4, 0}));
  EXPECT_EQ(frame("a\n", 9, true), (Framed{{"a"}, 2, 0}));
  EXPECT_EQ(frame("", 9, true), (Framed{{}, 0, 0}));
  EXPECT_EQ(frame("a\r", 9, true), (Framed{{"a\r"}, 2, 0}));  // half a line end is content
  EXPECT_EQ(frame("abcdefg", 3, true), (Framed{{"abc", "def", "g"}, 7, 1}));
  EXPECT_EQ(frame("abcdef", 3, true), (Framed{{"abc", "def"}, 6, 1}));
  EXPECT_EQ(frame("abc\r", 3, true), (Framed{{"abc", "\r"}, 4, 1}));
}

// What comes after an unfinished line was shipped is a record of its own; its missing line end alone is none.
TEST(LineFramer, GoesOnBehindAnUnfinishedLineThatWasShipped) {
  FrameState state;
  EXPECT_EQ(frame("ab", state, 9, true), (Framed{{"ab"}, 2, 0}));
  EXPECT_TRUE(state.inside_long_line);
  FrameState other = state;
  EXPECT_EQ(frame("\nx\n", state, 9), (Framed{{"x"}, 3, 0}));
  EXPECT_EQ(frame("cd\n\n", other, 9), (Framed{{"cd", ""}, 4, 0}));
}

TEST(LineFramer, ExactlyTheLimitIsNotLong) {
  EXPECT_EQ(frame("abcd\n", 4), (Framed{{"abcd"}, 5, 0}));
  EXPECT_EQ(frame("abcd\r\n", 4), (Framed{{"abcd"}, 6, 0}));
  EXPECT_EQ(frame("abcd", 4), (Framed{{}, 0, 0}));
  EXPECT_EQ(frame("abcd\r", 4), (Framed{{}, 0, 0}));  // the "\n" may be on its way
  EXPECT_EQ(frame("abcd\r\r\n", 4), (Framed{{"abcd", "\r"}, 7, 1}));
}

TEST(LineFramer, CutsALongLineAsSoonAsItIsSureToBeLong) {
  EXPECT_EQ(frame("abcde", 4), (Framed{{"abcd"}, 4, 1}));
  EXPECT_EQ(frame("abcd\rx", 4), (Framed{{"abcd"}, 4, 1}));
  EXPECT_EQ(frame("abcd\r\r", 4), (Framed{{"abcd"}, 4, 1}));
  EXPECT_EQ(frame("abcdefghi", 4), (Framed{{"abcd", "efgh"}, 8, 1}));
}

TEST(LineFramer, CountsALongLineOnceAndMakesNoEmptyLastPiece) {
  EXPECT_EQ(frame("abcdefgh\nx\n", 4), (Framed{{"abcd", "efgh", "x"}, 11, 1}));
  EXPECT_EQ(frame("abcdefgh\r\n\n", 4), (Framed{{"abcd", "efgh", ""}, 11, 1}));
  EXPECT_EQ(frame("abcdefghi\r\nabcde\n", 4), (Framed{{"abcd", "efgh", "i", "abcd", "e"}, 17, 2}));
  FrameState state;
  EXPECT_EQ(frame("abcde", state, 4), (Framed{{"abcd"}, 4, 1}));
  EXPECT_TRUE(state.inside_long_line);
  EXPECT_EQ(frame("efghi", state, 4), (Framed{{"efgh"}, 4, 0}));
  EXPECT_EQ(frame("i\nab\n", state, 4), (Framed{{"i", "ab"}, 5, 0}));
  EXPECT_FALSE(state.inside_long_line);
}

TEST(LineFramer, ConsumesTheLineEndThatFollowsTheLastPieceInALaterRead) {
  for (const std::string_view end : {"\n", "\r\n"}) {
    FrameState state{.inside_long_line = true};
    EXPECT_EQ(frame(end, state, 4), (Framed{{}, static_cast<std::uint32_t>(end.size()), 0}));
    EXPECT_FALSE(state.inside_long_line);
    EXPECT_EQ(frame("\n", state, 4), (Framed{{""}, 1, 0}));
  }
}

TEST(LineFramer, NeverCutsInsideAUtf8Sequence) {
  EXPECT_EQ(frame("abc\xc3\xa4x\n", 4), (Framed{{"abc", "\xc3\xa4x"}, 7, 1}));
  EXPECT_EQ(frame("ab\xc3\xa4x\n", 4), (Framed{{"ab\xc3\xa4", "x"}, 6, 1}));
  EXPECT_EQ(frame("ab\xe2\x82\xac!\n", 4), (Framed{{"ab", "\xe2\x82\xac!"}, 7, 1}));
  EXPECT_EQ(frame("a\xf0\x9f\x98\x80z\n", 4), (Framed{{"a", "\xf0\x9f\x98\x80", "z"}, 7, 1}));
}

TEST(LineFramer, CutsInvalidUtf8AtTheLimit) {
  EXPECT_EQ(frame("\x80\x80\x80\x80\x80\x80\n", 4), (Framed{{"\x80\x80\x80\x80", "\x80\x80"}, 7, 1}));
  EXPECT_EQ(frame("abc\xff\x80\n", 4), (Framed{{"abc\xff", "\x80"}, 6, 1}));
  EXPECT_EQ(frame("ab\xc3\xa4\x80\n", 4), (Framed{{"ab\xc3\xa4", "\x80"}, 6, 1}));
  // A limit below a sequence's length still makes progress.
  EXPECT_EQ(frame("\xf0\x9f\x98\x80\n", 2), (Framed{{"\xf0\x9f", "\x98\x80"}, 5, 1}));
}

TEST(LineFramer, TakesTheSmallerOfTheLineAndTheRecordLimit) {
  std::vector<Line> lines;
  FrameState state;
  const FrameLimits limits{.line_bytes_max = 8, .record_bytes_max = 2};
  EXPECT_EQ(frame_lines(as_bytes("abcd\n"), 0, limits, false, state, lines).long_lines, 1u);
  EXPECT_EQ(lines.size(), 2u);
  EXPECT_EQ(limits.progress_bytes(), 4u);
}

TEST(LineFramer, AppendsBehindTheLinesThatAreThere) {
  std::vector<Line> lines = {{.begin = 7, .bytes = 1}};
  FrameState state;
  frame_lines(as_bytes("ab\ncd\n"), 50, {}, false, state, lines);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].begin, 7u);
  EXPECT_EQ(lines[1].begin, 50u);
  EXPECT_EQ(lines[2].begin, 53u);
  EXPECT_EQ(lines[2].bytes, 2u);
}

// The model: the whole file at once, a line after the other, a piece after the other.
Lines model_pieces(std::string line, std::size_t limit) {
  Lines pieces;
  while (line.size() > limit) {
    std::size_t cut = limit;
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(line[i]); };
    if ((at(limit) & 0xc0) == 0x80) {
      for (std::size_t back = 1; back <= 3 && back < limit; ++back) {
        const unsigned char c = at(limit - back);
        if ((c & 0xc0) == 0x80) continue;
        const std::size_t wants = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xc2 && c < 0xe0 ? 2 : 0;
        if (wants > back) cut = limit - back;
        break;
      }
    }
    pieces.push_back(line.substr(0, cut));
    line.erase(0, cut);
  }
  pieces.push_back(line);
  return pieces;
}

Framed model(const std::string& file, std::size_t limit) {
  Framed framed;
  framed.consumed = static_cast<std::uint32_t>(file.size());
  for (std::size_t at = 0; at < file.size();) {
    const std::size_t newline = file.find('\n', at);
    std::string line = file.substr(at, newline == std::string::npos ? newline : newline - at);
    if (newline != std::string::npos && line.ends_with('\r')) line.pop_back();
    const Lines pieces = model_pieces(line, limit);
    framed.long_lines += pieces.size() > 1;
    framed.lines.insert(framed.lines.end(), pieces.begin(), pieces.end());
    at = newline == std::string::npos ? file.size() : newline + 1;
  }
  return framed;
}

std::string random_file(std::mt19937& random) {
  static const std::string_view parts[] = {
      "\n",   "\n",   "\r\n",     "\r",    "a",   "bc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
      "\x80", "\xff", "\xe2\x82", "defgh", "\n\n"};
  std::string file;
  for (std::size_t n = random() % 40; n > 0; --n) file += parts[random() % std::size(parts)];
  if (random() % 4 == 0) file += '\0';
  return file;
}

// A file grows by random steps; each read begins where `consumed` ended and takes a random part of what is there.
Framed framed_in_reads(const std::string& file, std::uint32_t limit, std::mt19937& random) {
  Framed all;
  FrameState state;
  for (std::size_t there = 0; all.consumed < file.size();) {
    there = std::min(file.size(), there + random() % 6);
    const bool is_last = there == file.size();
    const std::size_t wants = is_last ? file.size() : random() % 12;
    const std::string_view read = std::string_view(file).substr(0, there).substr(all.consumed).substr(0, wants);
    const Framed framed = frame(read, state, limit, is_last);
    all.lines.insert(all.lines.end(), framed.lines.begin(), framed.lines.end());
    all.consumed += framed.consumed;
    all.long_lines += framed.long_lines;
  }
  return all;
}

TEST(LineFramer, GivesTheSameLinesHoweverTheFileIsDividedIntoReads) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    const std::string file = random_file(random);
    const auto limit = static_cast<std::uint32_t>(1 + random() % 9);
    ASSERT_EQ(framed_in_reads(file, limit, random), model(file, limit))
        << "round " << round << " limit " << limit << " " << testing::PrintToString(file);
  }
}

}  // namespace
}  // namespace tailrace
