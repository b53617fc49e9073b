// Versions: of tailrace and of the libraries that it runs with (as loaded now; liburing: as compiled against).
#pragma once

#include <string>

namespace tailrace {

std::string tailrace_version();    // "0.1.0"
std::string librdkafka_version();  // "2.0.2"
std::string liburing_version();
std::string zstd_version();

// What `tailrace --version` prints, several lines. Blocks: it tries the I/O engines.
std::string version_text();

}  // namespace tailrace
