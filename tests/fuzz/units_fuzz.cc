// Sizes and durations: any text gives what plain arithmetic gives, or an error where that would not fit; what is
// printed is read back as the same value (`tailrace check` prints a config that must load).
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/units.h"
#include "tests/fuzz/fuzz_input.h"

namespace tailrace {
namespace {

using Wide = unsigned __int128;
using Factors = std::map<std::string_view, std::uint64_t>;

const Factors kSizes = {
    {"", 1},
    {"B", 1},
    {"KB", 1'000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", 1024},
    {"MiB", 1u << 20},
    {"GiB", 1u << 30},
    {"TiB", 1ull << 40u},
};
const Factors kDurations = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

// Digits and a known unit, at most what an int64 holds (the config's integers are such).
std::optional<std::uint64_t> read_plainly(std::string_view text, const Factors& factors) {
  constexpr Wide kMost = std::numeric_limits<std::int64_t>::max();
  Wide number = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    number = std::min<Wide>(number * 10 + static_cast<unsigned>(text[digits] - '0'), kMost + 1);
  const auto unit = factors.find(text.substr(digits));
  if (digits == 0) return std::nullopt;
  if (unit == factors.end()) return digits == text.size() && number == 0 ? std::optional(0) : std::nullopt;
  if (number * unit->second > kMost) return std::nullopt;
  return static_cast<std::uint64_t>(number * unit->second);
}

void check_size(std::string_view text) {
  const std::optional<std::uint64_t> expected = read_plainly(text, kSizes);
  const Result<Bytes> size = parse_size(text);
  TR_ASSERT(static_cast<bool>(size) == expected.has_value(), "size \"{}\"", text);
  if (!size) return;
  TR_ASSERT(*size == *expected, "size \"{}\": {}, not {}", text, *size, *expected);
  const Result<Bytes> again = parse_size(format_size(*size));
  TR_ASSERT(again && *again == *size, "size {} is printed as {}", *size, format_size(*size));
}

void check_duration(std::string_view text) {
  const std::optional<std::uint64_t> expected = read_plainly(text, kDurations);
  const Result<Milliseconds> duration = parse_duration(text);
  TR_ASSERT(static_cast<bool>(duration) == expected.has_value(), "duration \"{}\"", text);
  if (!duration) return;
  const auto count = static_cast<std::uint64_t>(duration->count());
  TR_ASSERT(count == *expected, "duration \"{}\": {} ms, not {}", text, count, *expected);
  const Result<Milliseconds> again = parse_duration(format_duration(*duration));
  TR_ASSERT(again && *again == *duration, "{} ms is printed as {}", count, format_duration(*duration));
}

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tailrace::FuzzInput(data, size).rest();
  tailrace::check_size(text);
  tailrace::check_duration(text);
  return 0;
}
