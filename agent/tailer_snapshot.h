// What a Snapshot says of one tailer. Loop thread only.
#pragma once

#include "agent/snapshot.h"
#include "tailers/tailer.h"

namespace tailrace {

TailerSnapshot snapshot_of(const Tailer& tailer, Instant now, std::size_t lagging_files_max);

}  // namespace tailrace
