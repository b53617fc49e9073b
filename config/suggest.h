// Suggest: the known word that a mistyped one most likely means.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tailrace {

// Insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein, no part edited twice), in bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

struct Suggestion {
  std::string word;      // the first of the nearest; "" when there are no candidates
  bool is_near = false;  // so near that it is probably meant
};

Suggestion nearest(std::string_view word, const std::vector<std::string>& candidates);

// `did you mean "topic"?` when near; else `remove it (the nearest known KIND is "topic")`, or `remove it`.
std::string remedy_for_unknown(std::string_view word, const std::vector<std::string>& candidates,
                               std::string_view kind);

}  // namespace tailrace
