// JournalWorld: a CheckpointJournal on a simulated machine, and a model of what it promised.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "buffer/checkpoint_journal.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_worker_pool.h"

namespace tailrace {

inline const std::string kStateDir = "/state";
inline const std::string kJournalFile = kStateDir + "/checkpoints";

inline Checkpoint checkpoint_of(std::uint64_t number, Offset acked = 0) {
  Checkpoint checkpoint;
  checkpoint.id = {.high = number * 0x9e3779b97f4a7c15, .low = number};
  checkpoint.tailer = "app";
  checkpoint.path = "/var/log/app/" + std::to_string(number) + ".log";
  checkpoint.key.inode = number;
  checkpoint.progress.acked = acked;
  return checkpoint;
}

inline SourceId id_of(std::uint64_t number) { return checkpoint_of(number).id; }

class JournalWorld {
 public:
  explicit JournalWorld(JournalFsync fsync = JournalFsync::sync, SimEngineFaults faults = {}) : engine(disk, faults) {
    settings.directory = kStateDir;
    settings.fsync = fsync;
    settings.segment_bytes_min = 16 * 1024;
    disk.make(kStateDir);
  }
  ~JournalWorld() { drop_process(); }

  // A start that succeeds.
  JournalOpened open() {
    const JournalOpened opened = open_only();
    is_writable = journal->begin();
    return opened;
  }
  // A start as far as its reading of the journal.
  JournalOpened open_only() {
    journal = std::make_unique<CheckpointJournal>(settings, disk, engine, workers);
    journal->on_durable([this](SourceId id, Offset durable) {
      EXPECT_GE(durable, promised[id]) << "durable goes backwards";
      promised[id] = durable;
    });
    Result<JournalOpened> opened = journal->open();
    EXPECT_TRUE(opened) << opened.error().text();
    return opened ? *opened : JournalOpened{};
  }

  // One turn of the loop, as the pipeline does it.
  void turn(Duration passes = std::chrono::milliseconds(1)) {
    clock.advance(passes);
    engine.dispatch(clock.now());
    workers.dispatch(clock.now());
    journal->turn(clock.now());
    engine.flush();
  }
  void turns(int n, Duration passes = std::chrono::milliseconds(1)) {
    for (int i = 0; i < n; ++i) turn(passes);
  }
  bool settle() {
    for (int i = 0; i < 1000 && !journal->is_settled() && !disk.faults().is_stopped(); ++i) {
      turn(std::chrono::milliseconds(100));
    }
    if (!journal->is_settled()) return false;
    for (const SourceId id : forgotten) {
      promised.erase(id);
      gone.insert(id);
    }
    forgotten.clear();
    return true;
  }

  void put(std::uint64_t number, Offset acked = 0) {
    journal->put(checkpoint_of(number, acked));
    forgotten.erase(id_of(number));
    gone.erase(id_of(number));
    handed_in[id_of(number)].insert(acked);
  }
  void advance(std::uint64_t number, Offset acked) {
    journal->advance(id_of(number), {.acked = acked, .tail_bytes = 8, .tail_hash = acked * 31});
    handed_in[id_of(number)].insert(acked);
  }
  void forget(std::uint64_t number) {
    journal->forget(id_of(number));
    forgotten.insert(id_of(number));
    promised.erase(id_of(number));
  }

  // The process is gone; what its requests had not done is never done.
  void drop_process() {
    journal.reset();
    engine.forget_all();
    workers.forget_all();
  }
  void kill() {
    drop_process();
    disk.kill_process();
  }
  void crash(CrashMode mode, SimRandom& random) {
    drop_process();
    disk.crash(mode, random);
  }

  // What a restart finds holds every promise, and nothing that was never handed in.
  void check_replayed() {
    for (const auto& [id, durable] : promised) {
      if (forgotten.contains(id)) continue;
      const Checkpoint* found = journal->find(id);
      ASSERT_NE(found, nullptr) << "source " << id.low << " was durable at " << durable << " and is gone";
      ASSERT_GE(found->progress.acked, durable) << "source " << id.low;
    }
    for (const auto& [id, checkpoint] : journal->all()) {
      ASSERT_FALSE(gone.contains(id)) << "source " << id.low << " was forgotten and is back";
      ASSERT_TRUE(handed_in[id].contains(checkpoint.progress.acked))
          << "source " << id.low << " at " << checkpoint.progress.acked << ", where it never was";
      ASSERT_EQ(checkpoint.path, checkpoint_of(id.low).path);
    }
  }
  // After an `open` that could write: what it found is the new state of things, and durable.
  void adopt_replayed() {
    for (auto& [id, offsets] : handed_in) {
      const Checkpoint* found = journal->find(id);
      if (found == nullptr) {
        promised.erase(id);
        gone.insert(id);
      } else {
        promised[id] = found->progress.acked;
      }
    }
    forgotten.clear();
  }

  SimFileSystem disk;
  SimEngine engine;
  SimWorkerPool workers;
  SimClock clock;
  JournalSettings settings;
  std::unique_ptr<CheckpointJournal> journal;
  bool is_writable = false;             // as the last begin said
  std::map<SourceId, Offset> promised;  // durable, as on_durable said
  std::map<SourceId, std::set<Offset>> handed_in;
  std::set<SourceId> forgotten;  // and perhaps not yet on disk
  std::set<SourceId> gone;       // and durably so
};

}  // namespace tailrace
