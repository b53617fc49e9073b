// Preflight: what is wrong with a config that shows only when its values are used: the certificates and keys that it
// names, properties that librdkafka refuses together, the HTTP token. Reads files, reaches nothing.
#pragma once

#include <vector>

#include "config/loader.h"

namespace tailrace {

std::vector<ConfigError> preflight(const Loaded& loaded);

}  // namespace tailrace
