// What `tailrace check` asks of a sink: try_client, whether librdkafka takes its settings; check_connect (`--connect`)
// reaches its brokers and topics and compares limits. Both wait; for the CLI only.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"

namespace tailrace {

// What was found, a line each, is appended to `lines`. Waits up to `timeout` for each broker. Errors: again (no answer,
// or a topic that cannot be written to), bad_input (a property). A sink that is not Kafka's is always reached.
Status check_connect(const SinkConfig& sink, const Config& config, Duration timeout, std::vector<std::string>& lines);

// Asks no broker. bad_input or io: what librdkafka says of the settings together, or of the files that they name.
Status try_client(const SinkConfig& sink, const Config& config);

}  // namespace tailrace
