// CrossChecks: what no key can tell by itself.
#pragma once

#include "config/config.h"
#include "config/document.h"
#include "config/problems.h"

namespace tailrace {

// References between tailers and sinks, memory against max_line, acks against idempotence, levels against codecs,
// labels in topics. Keys that are already reported are left alone. `root` is the merged document behind `config`.
void check_whole(const Config& config, const Node& root, Problems& problems);

}  // namespace tailrace
