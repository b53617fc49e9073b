// Pipeline: builds tailers, sinks and the journal from a Config and runs them, a turn at a time.
//
// The agent's loop drives it, and so does the simulation, by hand and in simulated time, through the same seams. One
// turn does, always in this order: completions, settled, watcher and timers, publish, schedule reads, journal, one
// engine flush. Loop thread only. Nothing here waits.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/snapshot.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/io_engine.h"
#include "base/worker_pool.h"
#include "buffer/checkpoint_journal.h"
#include "config/config.h"
#include "sinks/sink.h"
#include "tailers/watcher.h"

namespace tailrace {

struct Seams {
  FileSystem& files;
  IoEngine& engine;
  WorkerPool& workers;
  Watcher& watcher;
  // Builds the sink of a [sinks.x]; called once a sink at the start.
  std::function<Result<std::unique_ptr<Sink>>(const SinkConfig&)> make_sink;
  // state_dir as the agent holds it; without one the journal opens it by its path, for itself.
  std::shared_ptr<StateHome> state = nullptr;
};

struct PipelineOptions {
  bool once = false;               // ship what the files hold now, an unfinished last line too, then be drained
  bool stores_checkpoints = true;  // false: --dry-run reads the stored ones and writes none
  std::uint64_t open_files_max = 800;
  std::uint64_t journal_segment_bytes_min = JournalSettings{}.segment_bytes_min;
};

// Why the agent must end by itself.
struct PipelineStop {
  int exit_status = 1;
  std::string line;
};

class Pipeline {
 public:
  virtual ~Pipeline() = default;

  // Blocks: reads the state_dir's journal and leaves it as it is. Errors: bad_input for what only editing the config
  // can mend (exit 78), permission for the journal (the same); `again`: the journal cannot be read for now.
  static Result<std::unique_ptr<Pipeline>> create(Config config, PipelineOptions options, const Seams& seams);

  // Nothing can fail any more: begins a new journal (blocks), and the first scan, on a worker.
  virtual void start(Instant now, WallTime wall) = 0;
  virtual void turn(Instant now, WallTime wall) = 0;
  virtual Instant next_deadline()
      const = 0;  // the next turn is due then at the latest, or when one of fds() is readable
  virtual std::vector<int> fds() const = 0;  // fixed after create

  // drain: reads on to the ends that the files have now; flush: reads no more. Both wait for acknowledgements and
  // checkpoints.
  virtual void begin_drain(ShutdownMode mode, Instant now) = 0;
  virtual bool is_drained() const = 0;
  virtual bool once_met_errors() const = 0;  // --once: a matching file could not be read
  virtual std::uint64_t files_matched() const = 0;
  virtual std::optional<PipelineStop> stop() const = 0;

  virtual Snapshot snapshot(Instant now, WallTime wall, std::size_t lagging_files_max) const = 0;
  // For those who want all lagging files, however many: first who they are, then a few at a time.
  virtual void add_sources_lagging(Snapshot& to) const { static_cast<void>(to); }
  // Without those that are gone.
  virtual std::vector<LaggingFile> lagging_files(const std::vector<SourceId>& sources) const {
    static_cast<void>(sources);
    return {};
  }
};

}  // namespace tailrace
