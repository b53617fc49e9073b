#include "config/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/printable.h"

namespace tailrace {

// Keys and values may hold line ends and terminal escapes: one error stays one harmless line.
std::string to_string(const ConfigError& error) {
  return printable(fmt::format("{}:{}:{}: {}; {}", error.file, error.line, error.column, error.text, error.remedy));
}

std::size_t Problems::add_file(std::string name) {
  files_.push_back(std::move(name));
  return files_.size() - 1;
}

std::string Problems::place_name(Place place) const {
  return fmt::format("{}:{}:{}", files_[place.file], place.line, place.column);
}

void Problems::error(Place place, std::string text, std::string remedy) {
  errors_.push_back({place, std::move(text), std::move(remedy)});
}

void Problems::warn(Place place, std::string text, std::string remedy) {
  warnings_.push_back({place, std::move(text), std::move(remedy)});
}

bool Problems::has_error_at(Place place) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const Problem& problem) {
    return std::tie(problem.place.file, problem.place.line, problem.place.column) ==
           std::tie(place.file, place.line, place.column);
  });
}

std::vector<ConfigError> Problems::in_order(const std::vector<Problem>& problems) const {
  std::vector<std::size_t> order(problems.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Of two at one place the one that was found first comes first.
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const Place& a = problems[i].place;
    const Place& b = problems[j].place;
    return std::tie(a.file, a.line, a.column, i) < std::tie(b.file, b.line, b.column, j);
  });
  std::vector<ConfigError> out;
  for (const std::size_t i : order) {
    const Problem& problem = problems[i];
    out.push_back({files_[problem.place.file], problem.place.line, problem.place.column, secrets_.hide(problem.text),
                   secrets_.hide(problem.remedy)});
  }
  return out;
}

}  // namespace tailrace
