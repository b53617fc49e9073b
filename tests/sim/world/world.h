// World: one simulated run: writers, a kernel, a disk and Kafka around the Pipeline that ships, in simulated time.
//
//   Program ─▶ World ──┬─ SimFileSystem, SimEngine, SimWatcher, SimWorkerPool, SimCluster   (the six seams, with
//   SimClock)
//                      ├─ Truth       what was written, what arrived
//                      └─ Pipeline    turned exactly when the real loop would turn it
//
// After every turn the invariants are checked; at the end everything heals, and nothing may be missing that is not
// counted. The first breach ends the run. One thread; nothing outside is touched but the eventfds of the sink.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/pipeline.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_watcher.h"
#include "tests/sim/sim_worker_pool.h"
#include "tests/sim/world/dice.h"
#include "tests/sim/world/program.h"
#include "tests/sim/world/sim_cluster.h"
#include "tests/sim/world/truth.h"

namespace tailrace::sim {

// The tailer's patterns say so.
inline bool is_matching(const std::string& path) { return path.ends_with(".log") && path.starts_with("/log/"); }

// Fewer than there are files: descriptors change hands.
inline constexpr std::uint64_t kOpenFilesMax = 6;
// What the agent itself needs when all files are closed: the journal, its directory, the spool, its directory.
inline constexpr std::uint64_t kDescriptorsAtRest = 4;

// What no event told of is found by the next routine scan, what could not be opened is tried again: within this time.
inline constexpr Duration kScansWithin = std::chrono::seconds(70);
// A segment that could not be written is tried again within this time.
inline constexpr Duration kRetriesWithin = std::chrono::seconds(35);

// Fault kind x file state: how often a fault of the kind came while some file was in the state.
inline constexpr std::size_t kFileStates = 7;  // unknown, discovered, idle, reading, draining, finished, down
std::string_view state_name(std::size_t state);
using Coverage = std::array<std::array<std::uint64_t, kFileStates>, kKinds>;

struct Outcome {
  std::string breach;              // empty: all promises were kept
  std::vector<std::string> steps;  // the last ones, in words
  std::uint64_t turns = 0, actions = 0, records = 0;
  Duration simulated{0};
  std::uint64_t trace = 0;  // the same for the same program
  std::set<Kind> kinds;     // of the faults that happened
  Coverage coverage{};
};

class World {
 public:
  explicit World(const Program& program);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Outcome run();

 private:
  // world.cc: time and turns
  void breach(const std::string& what);
  // Nothing but its content tells a new file from the one that had its inode before.
  bool has_like_inodes() const { return program_.reuses_inodes && !program_.has_birth_times; }
  bool is_broken() const { return !outcome_.breach.empty(); }
  void say(std::string step);
  std::string path_of(std::uint64_t inode) const;  // a name that is looked at, if it has one; "": it has none
  void pass(Duration time);
  bool must_turn();
  bool sink_is_readable() const;
  void turn();
  void start();
  enum class End : std::uint8_t { drained, killed, power_lost };
  void end_agent(End end, CrashMode mode = CrashMode::keep);
  void note_forgotten(bool may_forget_all);
  void note_untold();
  bool has_met_trouble(const Snapshot& snapshot) const;
  bool note_acked(const TailerSnapshot& tailer, End end, bool is_whole);
  void trouble_at_the_end();
  void much_in_turn(Dice& dice);
  void calm_down();
  void finish();

  // world_actions.cc: what writers and rotations do
  void act(const Action& action);
  bool act_writer(Kind kind, Dice& dice);
  bool act_rotation(Kind kind, Dice& dice);
  bool act_names(Kind kind, const std::string& path, Dice& dice);
  std::string some_name(Dice& dice);                      // of a directory that exists
  std::string some_file(Dice& dice, bool only_matching);  // one that exists; "" when there is none
  Generation* generation_at(const std::string& path);
  Generation& made(const std::string& path);
  void append(const std::string& path, const std::string& text);
  std::uint64_t findable(const Generation& generation, std::uint64_t bytes) const;
  void append_line(const std::string& path, std::uint64_t bytes, const char* end = "\n");
  void write_much(const std::string& path, std::uint64_t bytes, std::uint64_t line_bytes, Dice& dice);
  void cut(const std::string& path);
  void move(const std::string& from, const std::string& to);
  void remove_file(const std::string& path);
  void lost_name(std::uint64_t inode, Generation& generation);  // one of its names is gone
  void set_renamed(Generation& generation);
  bool is_another(const Generation& generation) const;
  bool tells_of(const std::string& path);
  void remove_directory(const std::string& directory);
  bool is_looking() const;
  bool may_lose(const Generation& generation) const;  // if it went now
  std::string side_name(const std::string& path, const char* ending);

  // world_faults.cc: what kernel, storage, Kafka and the agent's end do
  bool act_kernel(Kind kind, Dice& dice);
  bool act_storage(Kind kind, Dice& dice);
  bool act_kafka(Kind kind, Dice& dice);
  bool act_agent(Kind kind, Dice& dice);
  void rush_hour(Dice& dice);
  bool heal_later(Dice& dice, Duration most, std::function<void()> heal);

  // world_checks.cc: the promises
  void check_turn();
  void check_files(const TailerSnapshot& tailer);
  void note_durable(const TailerSnapshot& tailer);
  void check_noticed();
  void log_stored();
  void check_stored(FileSystem& disk, bool is_whole);
  void check_survives();
  void note_owed();
  void check_owed(const Snapshot& snapshot);
  void check_drained();
  void note_trouble();
  void check_end();
  void check_losses();
  std::uint64_t surely_lost(const Generation& generation) const;

  // world_sink_checks.cc: those about Kafka in trouble
  void check_sink(const Snapshot& snapshot);
  void check_goes_on();
  void check_rejected(const Snapshot& snapshot);

  std::array<bool, kFileStates> states_met() const;

  const Program program_;
  Dice dice_;
  SimClock clock_;
  SimFileSystem disk_;
  SimCluster cluster_;
  Truth truth_;
  Config config_;
  std::unique_ptr<SimWatcher> watcher_;
  std::unique_ptr<SimEngine> engine_;
  std::unique_ptr<SimWorkerPool> workers_;
  std::unique_ptr<Pipeline> pipeline_;  // null: the agent is down
  SimRandom crash_random_;

  std::multimap<Instant, std::function<void()>> heals_;
  bool are_workers_late_ = false, is_disk_hung_ = false, is_draining_ = false, was_flush_ = false;
  bool has_crashed_ = false, has_lost_power_ = false;
  bool is_journal_good_ = false;  // the life's first segment was stored: from then on durable is durable
  // From then on nothing excuses that a growth is noticed late, or that a checkpoint is.
  Instant names_calm_{}, store_calm_{};
  void names_calm_from(Instant at) { names_calm_ = std::max(names_calm_, at); }
  void store_calm_from(Instant at) { store_calm_ = std::max(store_calm_, at); }
  Instant kafka_calm_{};  // from then on it answers everything
  Instant stuck_since_ = kNever, starved_since_ = kNever;
  std::string stuck_, starved_;
  int next_side_name_ = 0;
  std::uint64_t life_ = 0, refused_ = 0, refused_bytes_ = 0, rejected_checked_ = 0;
  std::array<std::uint64_t, kLostReasons> lost_before_{}, lost_files_before_{};  // of earlier lives
  std::uint64_t acked_before_ = 0, rejected_before_ = 0;
  std::uint64_t idle_turns_ = 0;
  std::uint64_t segment_ = 0;           // the journal's inode
  std::uint64_t owed_ = 0;              // bytes that this life must count as deleted
  std::vector<std::uint32_t> lagging_;  // generations that lagged after the last turn
  std::deque<std::string> said_;
  Outcome outcome_;
};

}  // namespace tailrace::sim
