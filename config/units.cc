#include "config/units.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

namespace tailrace {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();  // what TOML's own integers reach
constexpr std::uint64_t kKi = 1024;
constexpr std::uint64_t kK = 1000;
// Larger before smaller: formatting takes the first that divides.
constexpr std::array<Unit, 9> kSizeUnits = {{{"TiB", kKi* kKi* kKi* kKi},
                                             {"TB", kK* kK* kK* kK},
                                             {"GiB", kKi* kKi* kKi},
                                             {"GB", kK* kK* kK},
                                             {"MiB", kKi* kKi},
                                             {"MB", kK* kK},
                                             {"KiB", kKi},
                                             {"KB", kK},
                                             {"B", 1}}};
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

Error bad(std::string text) { return Error(ErrorKind::bad_input, std::move(text)); }

// Both kinds are one number and one unit; without a unit only 0 may stand, unless `bare_allowed`.
template <std::size_t Count>
Result<std::uint64_t> parse(std::string_view text, const std::array<Unit, Count>& units, bool bare_allowed,
                            std::string_view forms) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range || number > kMost) return bad("is too large");
  if (error != std::errc()) return bad(fmt::format("does not begin with a number (write {})", forms));
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  if (unit.empty()) {
    if (bare_allowed || number == 0) return number;
    return bad(fmt::format("has no unit (write {})", forms));
  }
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    if (number > kMost / known.factor) return bad("is too large");
    return number * known.factor;
  }
  return bad(fmt::format("is not one whole number and one unit (write {})", forms));
}

}  // namespace

Result<Bytes> parse_size(std::string_view text) {
  return parse(text, kSizeUnits, true, R"("64KiB", "1MiB", "1MB" or a number of bytes)");
}

Result<Milliseconds> parse_duration(std::string_view text) {
  const Result<std::uint64_t> count = parse(text, kDurationUnits, false, R"("250ms", "5s", "10m", "24h" or "0")");
  if (!count) return count.error();
  return Milliseconds(static_cast<std::int64_t>(*count));
}

std::string format_size(Bytes bytes) {
  if (bytes == 0) return "0";
  for (const Unit& unit : kSizeUnits) {
    if (bytes % unit.factor == 0) return fmt::format("{}{}", bytes / unit.factor, unit.name);
  }
  return fmt::format("{}B", bytes);
}

std::string format_duration(Milliseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  if (count == 0) return "0s";
  for (const Unit& unit : kDurationUnits) {
    if (unit.name == "d") continue;  // "72h" is how the manual says it
    if (count % unit.factor == 0) return fmt::format("{}{}", count / unit.factor, unit.name);
  }
  return fmt::format("{}ms", count);
}

}  // namespace tailrace
