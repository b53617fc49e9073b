// MetricsText: a page of Prometheus text, taken apart.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tailrace::e2e {

using Labels = std::map<std::string, std::string>;

class MetricsText {
 public:
  explicit MetricsText(const std::string& page);

  // The value of the one series of that name whose labels include `labels`; nothing when there is none.
  std::optional<double> find(const std::string& name, const Labels& labels = {}) const;
  // The sum over all series of that name whose labels include `labels`; 0 when there is none.
  double sum(const std::string& name, const Labels& labels = {}) const;
  bool has(const std::string& name) const { return series_.contains(name); }

 private:
  struct Series {
    Labels labels;
    double value = 0;
  };
  void add_line(const std::string& line);

  std::map<std::string, std::vector<Series>> series_;
};

}  // namespace tailrace::e2e
