// SinkReader: one [sinks.NAME] with its tls, sasl and librdkafka tables.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "config/loader.h"
#include "config/problems.h"

namespace tailrace {

// `path`: "sinks.main". The security tables become librdkafka properties: security.protocol first, then tls, sasl and
// [sinks.NAME.librdkafka] in the order of their keys.
SinkConfig read_sink(const std::string& path, const Node& node, Problems& problems,
                     std::vector<EffectiveTable>& effective);

}  // namespace tailrace
