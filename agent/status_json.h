// StatusJson: a Snapshot as /status.json (contract, section 5).
#pragma once

#include <cstddef>
#include <string>

#include "agent/snapshot.h"

namespace tailrace {

inline constexpr std::size_t kLaggingFilesMax = 100;  // a tailer, unless ?files=all

// One JSON object, with a newline. Holds no null: what is not known is an empty string or 0. Bytes of a path that are
// no UTF-8 become U+FFFD. At most `lagging_files_max` files a tailer. Pure: any thread.
std::string status_json(const Snapshot& snapshot, const std::string& version, std::size_t lagging_files_max);

}  // namespace tailrace
