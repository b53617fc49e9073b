// Metrics: the names, helps, types and labels under which Prometheus sees a Snapshot (contract, section 5).
#pragma once

#include <string>
#include <vector>

#include "agent/process_usage.h"
#include "agent/snapshot.h"

namespace tailrace {

struct BuildInfo {
  std::string version;     // of tailrace
  std::string librdkafka;  // the version in use
};

// Prometheus' text format 0.0.4. Every series whose labels are known is there, with 0 before anything happened. Pure:
// any thread.
std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& process, const BuildInfo& build);

}  // namespace tailrace
