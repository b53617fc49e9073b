#include "agent/versions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zstd.h>

#include "sinks/rdkafka_client.h"
#include "tailers/engine_choice.h"

namespace tailrace {

std::string tailrace_version() { return TAILRACE_VERSION; }
std::string librdkafka_version() { return rdkafka_version(); }

// Compiled against: the library tells its own version only from 2.4 on.
std::string liburing_version() { return TAILRACE_LIBURING_VERSION; }

std::string zstd_version() { return ZSTD_versionString(); }

std::string version_text() {
  return fmt::format("tailrace {}\nlibrdkafka {}\nliburing {}\nzstd {}\nI/O engines that work here: {}\n",
                     tailrace_version(), librdkafka_version(), liburing_version(), zstd_version(),
                     fmt::join(allowed_engines(), " "));
}

}  // namespace tailrace
