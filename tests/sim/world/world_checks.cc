// World: the promises, each as code. After every turn what can be told from outside; at the end, that nothing is
// missing which is not counted.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/log.h"
#include "buffer/checkpoint_journal.h"
#include "tests/sim/world/world.h"

namespace tailrace::sim {
namespace {

constexpr std::size_t index(LostReason reason) { return static_cast<std::size_t>(reason); }

// The state_dir's: itself (the journal and the spool have each their own here), the journal and the one that replaces
// it, the spool, and a directory or two while a worker looks.
constexpr std::size_t kOwnDescriptorsMax = 8;

// A write and an fsync of a disk that does not hang, in simulated time.
constexpr Duration kSyncTakes = std::chrono::milliseconds(200);
// Turns: it costs a copy of the state_dir.
constexpr std::uint64_t kSurvivesEvery = 16;
// Events, a drain, a worker's look: each may be two or three seconds late in these worlds.
constexpr Duration kSeenWithin = std::chrono::seconds(15);

}  // namespace

void World::check_turn() {
  const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 1000);
  const TailerSnapshot& tailer = snapshot.tailers[0];
  const SinkSnapshot& sink = snapshot.sinks[0];
  if (sink.buffer_bytes > sink.buffer_limit_bytes) {
    breach(fmt::format("memory: {} of {} bytes are in use", sink.buffer_bytes, sink.buffer_limit_bytes));
  }
  if (disk_.open_descriptors() > kOpenFilesMax + kOwnDescriptorsMax) {
    breach(fmt::format("descriptors: {} are open, {} files may be", disk_.open_descriptors(), kOpenFilesMax));
  }
  if (tailer.counters.acked_bytes > tailer.counters.read_bytes) {
    breach(fmt::format("counters: {} bytes acked, {} read", tailer.counters.acked_bytes, tailer.counters.read_bytes));
  }
  std::array<std::uint64_t, kStages> behind{};
  for (const LaggingFile& file : tailer.files_lagging) {
    behind[0] += file.size - file.read;
    behind[1] += file.size - file.acked;
    behind[2] += file.size - file.durable;
  }
  for (std::size_t i = 0; i < kStages; ++i) {
    if (tailer.lag[i].bytes != behind[i])
      breach(fmt::format("lag: stage {} says {} bytes, its files {}", i, tailer.lag[i].bytes, behind[i]));
  }
  for (std::size_t i = 1; i < kStages; ++i) {
    if (tailer.lag[i].bytes < tailer.lag[i - 1].bytes) breach("lag: a later stage is ahead of an earlier one");
  }
  const double unsynced_max = to_seconds(config_.checkpoint.interval + kSyncTakes);
  if (clock_.now() > store_calm_ + config_.checkpoint.interval && snapshot.checkpoint.unsynced_seconds > unsynced_max) {
    breach(fmt::format("unsynced: for {:.3f} s, no storage is in trouble", snapshot.checkpoint.unsynced_seconds));
  }
  check_files(tailer);
  check_sink(snapshot);
  check_owed(snapshot);
  // A segment that takes over must hold all that was durable in the one before it.
  const std::uint64_t segment = disk_.inode_of(config_.agent.state_dir + "/checkpoints");
  const bool is_new = std::exchange(segment_, segment) != segment;
  if (is_new || outcome_.turns % kSurvivesEvery == 0) check_survives();
}

// A fault that is still to come may come at any moment, and what it hits is tried again.
void World::note_trouble() {
  const SimFaults& faults = disk_.faults();
  if (faults.has(SimOp::open_read)) names_calm_from(clock_.now() + kScansWithin);
  if (faults.has(SimOp::sync_data) || faults.has(SimOp::write)) store_calm_from(clock_.now() + kRetriesWithin);
}

// What has a name that is looked at, or is followed since it had one, is seen to grow; also where events were late, or
// too many. Judged before a turn: it may have slept for too long.
void World::check_noticed() {
  // Where nothing tells a new file from the one that had its inode before, it may be taken for that one.
  if (is_draining_ || has_like_inodes()) return;
  for (const Generation& generation : truth_.all()) {
    if (generation.unseen_since == kNever || generation.fate != Fate::lives || generation.is_away) continue;
    const Duration unseen = clock_.now() - std::max(generation.unseen_since, names_calm_);
    // A write through another hard link, which no pattern names, is told of under that name only.
    if (unseen < kSeenWithin || generation.may_be_unknown || generation.was_unknown || generation.has_other_names)
      continue;
    const std::string path = path_of(generation.inode);
    if (!is_matching(path) && !generation.is_known) continue;
    breach(fmt::format("unseen: g{} ({}) has grown to {}, {} were seen, for {:.1f} s", generation.number, path,
                       generation.bytes.size(), generation.seen, to_seconds(unseen)));
  }
}

// For `--log`: what the next start will know.
void World::log_stored() {
  if (!log::enabled(LogLevel::debug)) return;
  const Result<StoredCheckpoints> stored = read_checkpoints(disk_, config_.agent.state_dir);
  if (!stored) return;
  for (const auto& [id, known] : stored->sources) {
    log::debug("  stored {}: inode {}, {} {}, acked {}, {}now {}", id.hex().substr(0, 6), known.key.inode, known.path,
               known.last_path, known.progress.acked, known.is_finished ? "finished, " : "", path_of(known.key.inode));
  }
}

// What the journal holds, read as the next start will read it. `is_whole`: what was durable must be there.
void World::check_stored(FileSystem& disk, bool is_whole) {
  const Result<StoredCheckpoints> stored = read_checkpoints(disk, config_.agent.state_dir);
  if (!stored) return breach("stored: the journal cannot be read: " + stored.error().text());
  std::map<std::uint64_t, Offset> acked;  // by inode
  for (const auto& [id, known] : stored->sources) {
    if (!known.path.empty()) acked[known.key.inode] = std::max(acked[known.key.inode], known.progress.acked);
  }
  for (const Generation& generation : truth_.all()) {
    if (generation.fate != Fate::lives || truth_.generations_of(generation.inode) != 1) continue;
    const auto found = acked.find(generation.inode);
    const Offset held = found == acked.end() ? 0 : found->second;
    if (is_whole && is_journal_good_ && held < generation.durable) {
      breach(fmt::format("stored: g{} ({}) was durable up to {}, the journal holds {}", generation.number,
                         generation.first_path, generation.durable, held));
    }
    const Offset unfound = generation.was_renamed ? kOddBytes : 0;  // as in check_files
    if (held > generation.prefix + std::max(unfound, generation.line_ends_after_prefix())) {
      breach(fmt::format("stored: g{} ({}) has arrived up to {}, the journal holds {}", generation.number,
                         generation.first_path, generation.prefix, held));
    }
  }
}

// Were the power lost now: what is durable would be there.
void World::check_survives() {
  const auto mode = crash_random_() % 2 == 0 ? CrashMode::drop : CrashMode::tear;
  const auto left = disk_.after_crash(mode, crash_random_, [this](std::uint64_t inode) {
    const Generation* generation = truth_.of_inode(inode);
    return generation == nullptr || generation->fate == Fate::deleted;
  });
  check_stored(*left, program_.fsync != FsyncMode::off);
}

// An agent that ends by itself has nothing out, and has stored what it knows.
void World::check_drained() {
  const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 1000);
  for (const LaggingFile& file : snapshot.tailers[0].files_lagging) {
    if (file.acked == file.read) continue;
    breach(fmt::format("drained: {}: read {}, acked {}", file.path, file.read, file.acked));
  }
  if (cluster_.clients() == 1 && cluster_.outstanding() > 0) {
    breach(fmt::format("drained: {} records are outstanding", cluster_.outstanding()));
  }
  if (clock_.now() > store_calm_ && snapshot.checkpoint.unsynced_seconds > 0) {
    breach(fmt::format("drained: checkpoints of {:.3f} s are not stored", snapshot.checkpoint.unsynced_seconds));
  }
}

// What was unread of the files that went while nobody ran, by what the next start will read in the journal.
void World::note_owed() {
  owed_ = 0;
  const Result<StoredCheckpoints> stored = read_checkpoints(disk_, config_.agent.state_dir);
  if (!stored) return;
  for (const auto& [id, known] : stored->sources) {
    if (known.is_finished || known.path.empty() || known.size_seen <= known.progress.acked) continue;
    if (disk_.paths_of(known.key.inode).empty()) owed_ += known.size_seen - known.progress.acked;
  }
}

void World::check_owed(const Snapshot& snapshot) {
  // A directory that could not be listed has lost nothing yet.
  if (owed_ == 0 || !snapshot.is_scanned || clock_.now() < names_calm_ + kSeenWithin) return;
  const std::uint64_t counted = snapshot.tailers[0].counters.lost_bytes[index(LostReason::deleted)];
  if (counted < owed_)
    breach(fmt::format("uncounted: {} bytes went while no agent ran, {} are counted", owed_, counted));
  owed_ = 0;
}

void World::check_files(const TailerSnapshot& tailer) {
  for (const LaggingFile& file : tailer.files_lagging) {
    if (file.durable > file.acked || file.acked > file.read || file.read > file.size) {
      breach(fmt::format("offsets: {}: durable {} acked {} read {} size {}", file.path, file.durable, file.acked,
                         file.read, file.size));
    }
    if (file.read - file.acked > program_.memory / 4 + program_.max_line) {
      breach(fmt::format("window: {}: read {} is more than a quarter of {} past acked {}", file.path, file.read,
                         program_.memory, file.acked));
    }
    Generation* generation = truth_.of_inode(file.inode);
    if (generation == nullptr || truth_.generations_of(file.inode) != 1) continue;
    // What a copytruncate left beside the file may have its inode by now, and was taken for it.
    if (generation->fate == Fate::deleted && has_like_inodes()) continue;
    // What is left of a line that was shipped before it had its end may be too short to be told from another's.
    const Offset arrived = generation->prefix + (generation->was_renamed ? kOddBytes : 0);
    const bool is_only_line_ends = generation->bytes.find_first_not_of("\r\n", generation->prefix) >= file.acked;
    if (file.acked > arrived && !is_only_line_ends) {
      breach(fmt::format("acked: {}: {} bytes acked, only {} arrived (g{})", file.path, file.acked, generation->prefix,
                         generation->number));
    }
    generation->acked = std::max(generation->acked, file.acked);
    generation->durable = std::max(generation->durable, file.durable);
  }
  note_durable(tailer);
}

// What lagged and does not any more is durable as far as it was known to go.
void World::note_durable(const TailerSnapshot& tailer) {
  std::vector<std::uint32_t> lagging;
  for (const LaggingFile& file : tailer.files_lagging) {
    Generation* generation = truth_.of_inode(file.inode);
    if (generation == nullptr || truth_.generations_of(file.inode) != 1) continue;
    generation->lagging_size = file.size;
    generation->told = std::max(generation->told, file.size);
    lagging.push_back(generation->number);
  }
  for (const std::uint32_t number : std::exchange(lagging_, lagging)) {
    Generation& generation = truth_.all()[number];
    const bool is_at_rest = std::find(lagging.begin(), lagging.end(), number) == lagging.end();
    if (!is_at_rest || generation.fate != Fate::lives || generation.was_renamed) continue;
    generation.durable = std::max(generation.durable, std::exchange(generation.lagging_size, 0));
  }
}

std::array<bool, kFileStates> World::states_met() const {
  std::array<bool, kFileStates> met{};
  if (!pipeline_) {
    met.back() = true;
    return met;
  }
  const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 1000);
  const TailerSnapshot& tailer = snapshot.tailers[0];
  met[0] = tailer.files_lagging.empty();
  for (std::size_t state = 1; state + 1 < kFileStates; ++state) {
    met[state] = std::any_of(tailer.files_lagging.begin(), tailer.files_lagging.end(),
                             [state](const LaggingFile& file) { return file.state == state_name(state); });
  }
  if (tailer.files_idle > 0) met[2] = true;
  if (tailer.files_finished > 0) met[5] = true;
  return met;
}

void World::check_end() {
  const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 1000);
  const TailerSnapshot& tailer = snapshot.tailers[0];
  for (const LaggingFile& file : tailer.files_lagging) {
    const std::string stuck =
        fmt::format("lag: {} ({}) never came to rest: {} of {} bytes read, {} acked, {} durable; {}: {}", file.path,
                    path_of(file.inode), file.read, file.size, file.acked, file.durable, file.state, file.reason);
    say(stuck);
    breach(stuck);
  }
  if (cluster_.outstanding() > 0) breach(fmt::format("{} records are outstanding", cluster_.outstanding()));
  if (cluster_.clients() != 1) breach(fmt::format("{} clients are left", cluster_.clients()));
  if (snapshot.sinks[0].buffer_bytes != 0) {
    breach(fmt::format("memory: {} bytes are in use by nobody", snapshot.sinks[0].buffer_bytes));
  }
  if (disk_.open_descriptors() > kDescriptorsAtRest) {
    breach(fmt::format("descriptors: all files are idle, and open are {}", fmt::join(disk_.open_paths(), " ")));
  }
  check_losses();
}

// Bytes that the agent knew of, of a generation that ended while it was not open.
std::uint64_t World::surely_lost(const Generation& generation) const {
  // Of a size that only a stat told nobody can say, where there were others in that inode, whose it was: then what was
  // read of it must be counted. And what a read found in place of another content may have been replaced in its turn
  // before a second look.
  if (!truth_.is_first(generation)) return 0;
  const bool is_sure = life_ == 1 && generation.fate == Fate::deleted && !generation.was_looked_at &&
                       !generation.may_be_unknown && truth_.generations_of(generation.inode) == 1;
  // Of one that was never opened the largest size that a look saw counts.
  const bool was_open = generation.told > 0 || generation.read > 0;
  const std::uint64_t told = std::max(generation.read, was_open ? generation.told : generation.seen);
  const std::uint64_t counts = is_sure ? told : generation.read;
  const std::uint64_t may_have_arrived = generation.prefix + generation.line_ends_after_prefix();
  return counts > may_have_arrived ? counts - may_have_arrived : 0;
}

// Every byte of every file: arrived, or gone with a reason that is true in this world, and counted.
void World::check_losses() {
  const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 0);
  std::array<std::uint64_t, kLostReasons> lost = lost_before_, lost_files = lost_files_before_;
  for (std::size_t i = 0; i < kLostReasons; ++i) {
    lost[i] += snapshot.tailers[0].counters.lost_bytes[i];
    lost_files[i] += snapshot.tailers[0].counters.lost_files[i];
  }
  std::uint64_t must_count = 0, may_count = 0, arrived = 0, refused = 0, line_ends = 0, reread = 0;
  for (const Generation& generation : truth_.all()) {
    arrived += generation.prefix;
    refused += generation.refused_bytes;
    line_ends += generation.line_ends_after_prefix();
    const std::uint64_t missing = generation.missing();
    const bool is_gone = generation.fate != Fate::lives || generation.is_away;
    if (is_gone) may_count += generation.bytes.size() - generation.prefix;
    if (truth_.generations_of(generation.inode) > 1) {
      // Where a file was cut and has grown past its offset between two looks, nobody can say whose a size was. And what
      // was read after the cut, before it was noticed, is read again as that of the next generation.
      may_count += generation.seen;
      reread += generation.doubled;
    }
    if (generation.was_away) may_count += generation.bytes.size();  // counted while nobody knew that it would come back
    if (missing == 0) continue;
    if (is_gone && generation.is_ended_unwatched) {
      must_count += surely_lost(generation);
      continue;
    }
    if (generation.may_be_unknown) continue;
    // So short a rest of an unfinished line is not found again among the records.
    if (missing < kOddBytes && generation.has_unfinished_line() && (is_gone || generation.was_renamed)) continue;
    breach(fmt::format("missing: g{} ({}): {} of {} bytes arrived; {}", generation.number, generation.first_path,
                       generation.prefix, generation.bytes.size(),
                       is_gone ? "it was open when it went" : path_of(generation.inode)));
  }
  for (const Generation& generation : truth_.all()) {
    say(fmt::format("g{} {} ({}): {} bytes, {} seen, {} read, {} arrived", generation.number, generation.first_path,
                    std::array{"lives", "truncated", "deleted"}[static_cast<std::size_t>(generation.fate)],
                    generation.bytes.size(), generation.seen, generation.read, generation.prefix));
  }
  const std::uint64_t counted =
      lost[index(LostReason::truncated)] + lost[index(LostReason::deleted)] + lost[index(LostReason::moved)];
  // A crash may come between a loss and its being noticed or remembered, and doubt hides what arrived.
  if (has_crashed_ || cluster_.in_doubt() > 0) return;
  if (counted < must_count) breach(fmt::format("uncounted: {} bytes are gone, {} are counted", must_count, counted));
  if (counted > may_count) breach(fmt::format("lost: {} bytes are counted, {} are gone", counted, may_count));
  const std::uint64_t acked = acked_before_ + snapshot.tailers[0].counters.acked_bytes;
  // What was refused counts when it is in the spool; where that failed it was read again, and may have been cut by
  // then.
  const bool may_count_again = refused > 0 && store_calm_ != Instant{};
  if ((acked + refused < arrived && !may_count_again) || acked > arrived + line_ends + reread) {
    breach(fmt::format("counters: {} bytes acked, {} arrived", acked, arrived));
  }
  const SinkCounters& sink = snapshot.sinks[0].counters;
  const std::uint64_t rejected =
      rejected_before_ + sink.rejected_invalid + sink.rejected_timestamp + sink.rejected_too_large;
  if (rejected > refused_) breach(fmt::format("counters: {} records rejected, {} were refused", rejected, refused_));
  if (program_.on_reject == OnReject::drop && refused_ > 0 && lost[index(LostReason::rejected)] == 0) {
    breach("uncounted: refused records were dropped and no byte is counted");
  }
}

}  // namespace tailrace::sim
