// Parts: what all tailers of an agent share. Wired by the Pipeline; outlives them.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/io_engine.h"
#include "base/worker_pool.h"
#include "buffer/checkpoint_journal.h"
#include "buffer/ledger.h"
#include "tailers/descriptor_budget.h"
#include "tailers/directory_watches.h"

namespace tailrace {

struct Parts {
  FileSystem& files;
  IoEngine& engine;
  WorkerPool& workers;
  DirectoryWatches& watches;
  Ledger& ledger;
  CheckpointJournal& journal;
  DescriptorBudget& descriptors;
  BatchId next_batch = 1;
  std::string own_directory = {};  // state_dir: never tailed
  Instant now{};                   // of this turn
  WallTime wall{};                 // of this turn: to tell a file's age by its mtime
  Duration forget_after = std::chrono::hours(72);
  bool has_free_descriptor = false;  // one was closed, or may be: those who wait for one are asked again
  bool is_once = false;
  bool holds_until_durable = false;  // fsync = "sync", and the journal can store
};

}  // namespace tailrace
