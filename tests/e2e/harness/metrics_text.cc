#include "tests/e2e/harness/metrics_text.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace tailrace::e2e {
namespace {

bool includes(const Labels& all, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = all.find(label.first);
    return found != all.end() && found->second == label.second;
  });
}

// name="value" pairs up to `}`; a value may hold escaped quotes. Returns where it stopped.
std::size_t parse_labels(const std::string& line, std::size_t at, Labels& labels) {
  while (at < line.size() && line[at] != '}') {
    const auto equals = line.find('=', at);
    if (equals == std::string::npos) return line.size();
    const std::string name = line.substr(at, equals - at);
    std::string value;
    for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] == '\\' && at + 1 < line.size()) ++at;
      value += line[at];
    }
    labels[name] = value;
    ++at;
    if (at < line.size() && line[at] == ',') ++at;
  }
  return at + 1;
}

}  // namespace

MetricsText::MetricsText(const std::string& page) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != '#') add_line(line);
  }
}

void MetricsText::add_line(const std::string& line) {
  const auto name_end = line.find_first_of("{ ");
  if (name_end == std::string::npos) return;
  Series series;
  std::size_t at = name_end;
  if (line[at] == '{') at = parse_labels(line, at + 1, series.labels);
  if (at >= line.size()) return;
  series.value = std::strtod(line.c_str() + at, nullptr);
  series_[line.substr(0, name_end)].push_back(std::move(series));
}

std::optional<double> MetricsText::find(const std::string& name, const Labels& labels) const {
  const auto found = series_.find(name);
  if (found == series_.end()) return std::nullopt;
  for (const Series& series : found->second) {
    if (includes(series.labels, labels)) return series.value;
  }
  return std::nullopt;
}

double MetricsText::sum(const std::string& name, const Labels& labels) const {
  double total = 0;
  const auto found = series_.find(name);
  if (found == series_.end()) return total;
  for (const Series& series : found->second) {
    if (includes(series.labels, labels)) total += series.value;
  }
  return total;
}

}  // namespace tailrace::e2e
