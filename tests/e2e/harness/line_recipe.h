// LineRecipe: the lines of one writer, each of which says whose it is and can be made again from its number.
//
//   <writer> <sequence> <payload>        the payload's length and content follow from seed and sequence
//
// So a verifier needs no copy of what was written: it makes the line again and compares every byte.
#pragma once

#include <cstdint>
#include <string>

namespace tailrace::e2e {

struct LineRecipe {
  std::string writer;  // no spaces
  std::uint64_t seed = 1;
  std::uint32_t bytes_min = 40;  // of a line without its newline; a longer prefix wins
  std::uint32_t bytes_max = 160;

  // Appends the line and a newline.
  void append(std::uint64_t sequence, std::string& out) const;
};

}  // namespace tailrace::e2e
