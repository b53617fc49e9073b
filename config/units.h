// Units: sizes and durations as people write them, and back.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "config/config.h"

namespace tailrace {

// Digits alone are bytes; else one whole number and one unit without a space: B, KB MB GB TB (powers of 1000),
// KiB MiB GiB TiB (powers of 1024); at most what an int64 holds. bad_input says what is wrong and what to write.
Result<Bytes> parse_size(std::string_view text);

// One whole number and one unit without a space: ms, s, m, h, d; or "0". bad_input as above.
Result<Milliseconds> parse_duration(std::string_view text);

// In the largest unit that divides it: "64MiB", "1000B", "0".
std::string format_size(Bytes bytes);
// "25s", "72h", "1500ms", "0s".
std::string format_duration(Milliseconds duration);

}  // namespace tailrace
