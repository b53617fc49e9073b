// What a Snapshot says of one tailer. Loop thread only.
#pragma once

#include "agent/snapshot.h"
#include "tailers/tailer.h"

namespace tailrace {

// Who lags, the furthest behind first.
std::vector<SourceId> sources_lagging(const Tailer& tailer);
LaggingFile lagging_file(const TailFile& file);
TailerSnapshot snapshot_of(const Tailer& tailer, Instant now, std::size_t lagging_files_max);

}  // namespace tailrace
