#include "config/suggest.h"

#include <fmt/format.h>

#include <algorithm>

namespace tailrace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual matrix: a swap looks two rows back.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

Suggestion nearest(std::string_view word, const std::vector<std::string>& candidates) {
  // Quadratic in the lengths: of a monstrous key the beginning is enough.
  word = word.substr(0, 256);
  Suggestion best;
  std::size_t best_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (!best.word.empty() && distance >= best_distance) continue;
    best_distance = distance;
    best.word = candidate;
  }
  best.is_near = !best.word.empty() && best_distance * 3 <= std::max<std::size_t>(best.word.size(), 3);
  return best;
}

std::string remedy_for_unknown(std::string_view word, const std::vector<std::string>& candidates,
                               std::string_view kind) {
  const Suggestion suggestion = nearest(word, candidates);
  if (suggestion.word.empty()) return "remove it";
  if (suggestion.is_near) return fmt::format("did you mean \"{}\"?", suggestion.word);
  return fmt::format("remove it (the nearest known {} is \"{}\")", kind, suggestion.word);
}

}  // namespace tailrace
