// check_connect: `tailrace check --connect`: reaches the brokers and topics of a sink and compares limits. Waits; for
// the CLI only.
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

}  // namespace tailrace
