#include "agent/snapshot.h"

#include <algorithm>

namespace tailrace {

void Histogram::observe(double seconds) {
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  ++counts[static_cast<std::size_t>(bucket)];
  sum += seconds;
}

Histogram latency_histogram() {
  Histogram histogram;
  histogram.bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
  histogram.counts.resize(histogram.bounds.size() + 1);
  return histogram;
}

}  // namespace tailrace
