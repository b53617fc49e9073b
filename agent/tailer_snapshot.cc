#include "agent/tailer_snapshot.h"

#include <algorithm>

namespace tailrace {
namespace {

// Bytes that have not reached the stage, and the age of the oldest complete one of them: an unfinished last line counts
// in bytes and not in seconds.
Lag lag_at(const TailFile& file, Offset stage, Instant now) {
  const Offset size = std::max(file.size, file.books.read());
  if (stage >= size) return {};
  const bool ends_unfinished = file.scanned_to >= file.size;
  const Offset complete = ends_unfinished ? file.books.read() : size;
  double seconds = 0;
  if (stage < complete) {
    const Instant seen = file.marks.seen_at(stage);
    if (seen != kNever) seconds = std::max(0.0, to_seconds(now - seen));
  }
  return {.bytes = size - stage, .seconds = seconds};
}

std::array<Offset, kStages> stages_of(const TailFile& file) {
  return {file.books.read(), file.books.acked(), file.books.durable()};
}

// Bytes that are not acknowledged, as they were last seen.
Offset behind(const TailFile* file) { return file->size - std::min(file->size, file->books.acked()); }

bool is_further_behind(const TailFile* a, const TailFile* b) { return behind(a) > behind(b); }

}  // namespace

LaggingFile lagging_file(const TailFile& file) {
  return {.path = file.checkpoint->path,
          .inode = file.checkpoint->key.inode,
          .size = std::max(file.size, file.books.read()),
          .read = file.books.read(),
          .acked = file.books.acked(),
          .durable = file.books.durable(),
          .state = std::string(name_of(file.state())),
          .reason = file.reason()};
}

std::vector<SourceId> sources_lagging(const Tailer& tailer) {
  std::vector<const TailFile*> files(tailer.lagging().begin(), tailer.lagging().end());
  std::sort(files.begin(), files.end(), is_further_behind);
  std::vector<SourceId> sources;
  sources.reserve(files.size());
  for (const TailFile* file : files) sources.push_back(file->books.id());
  return sources;
}

TailerSnapshot snapshot_of(const Tailer& tailer, Instant now, std::size_t lagging_files_max) {
  TailerSnapshot snapshot;
  snapshot.name = tailer.config().name;
  snapshot.sink = tailer.config().sink;
  snapshot.counters = tailer.counters();
  const FileCounts counts = tailer.file_counts();
  snapshot.files_open = counts.open;
  snapshot.files_idle = counts.idle;
  snapshot.files_finished = counts.finished;
  snapshot.files_parked = counts.parked;
  snapshot.deleted_bytes = tailer.deleted_bytes();
  snapshot.polled_directories = tailer.polled_directories();
  snapshot.scan_seconds = tailer.scan_seconds();

  std::vector<const TailFile*> lagging;
  for (const TailFile* file : tailer.lagging()) {
    const auto stages = stages_of(*file);
    for (std::size_t i = 0; i < kStages; ++i) {
      const Lag lag = lag_at(*file, stages[i], now);
      snapshot.lag[i].bytes += lag.bytes;
      snapshot.lag[i].seconds = std::max(snapshot.lag[i].seconds, lag.seconds);
    }
    const Lag acked = lag_at(*file, file->books.acked(), now);
    snapshot.file_lag_max.bytes = std::max(snapshot.file_lag_max.bytes, acked.bytes);
    snapshot.file_lag_max.seconds = std::max(snapshot.file_lag_max.seconds, acked.seconds);
    lagging.push_back(file);
  }
  const std::size_t shown = std::min(lagging.size(), lagging_files_max);
  std::partial_sort(lagging.begin(), lagging.begin() + static_cast<std::ptrdiff_t>(shown), lagging.end(),
                    is_further_behind);
  for (std::size_t i = 0; i < shown; ++i) snapshot.files_lagging.push_back(lagging_file(*lagging[i]));
  return snapshot;
}

}  // namespace tailrace
