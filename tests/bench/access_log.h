// AccessLog: the lines that benchmarks and end-to-end tests ship: a web server's access log, about 205 bytes a line.
//
// A line is a function of (seed, its number) alone, so any stretch of it can be made again to compare with what
// arrived. Each line ends with ` seq=NUMBER` and "\n". Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace tailrace {

// Appends lines [first_line, first_line + lines).
void append_access_lines(std::string& out, std::uint64_t first_line, std::uint64_t lines, std::uint64_t seed);

// Writes whole lines, from `first_line` on, to `path` (replacing it) until the next one would pass `bytes`. Returns how
// many lines there are; 0 with errno set when the file could not be written.
std::uint64_t write_access_log(const std::string& path, std::uint64_t bytes, std::uint64_t seed,
                               std::uint64_t first_line = 0);

}  // namespace tailrace
