// World: simulated time, and the turns in it.
#include "tests/sim/world/world.h"

#include <fmt/format.h>
#include <poll.h>
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sinks/sink_factory.h"
#include "tests/sim/world/seeded_ids.h"

namespace tailrace::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kStepsSaid = 60;
constexpr Duration kTurnTakes = microseconds(40);
constexpr std::uint64_t kIdleTurnsMax = 200;
constexpr Duration kSizesEvery = std::chrono::seconds(1);

Config config_of(const Program& program) {
  Config config;
  config.agent.name = "host";
  config.agent.state_dir = "/state";
  config.checkpoint.fsync = program.fsync;
  TailerConfig& tailer = config.tailers.emplace_back();
  tailer.name = "app";
  tailer.include = {"/log/**/*.log"};
  tailer.sink = "main";
  tailer.max_line = program.max_line;
  tailer.close_idle = milliseconds(20'000);
  SinkConfig& sink = config.sinks.emplace_back();
  sink.name = "main";
  sink.topic = program.topic_by_file ? "logs-{file.name}" : "logs";
  sink.memory = program.memory;
  sink.on_reject = program.on_reject;
  return config;
}

}  // namespace

std::string_view state_name(std::size_t state) {
  constexpr std::array<std::string_view, kFileStates> kNames = {"quiet",    "discovered", "idle", "reading",
                                                                "draining", "finished",   "down"};
  return kNames[state];
}

World::World(const Program& program)
    : program_(program),
      dice_(program.seed ^ 0x5eed),
      cluster_(clock_, program.seed ^ 0xc1u, program.partitions),
      truth_(clock_, program.max_line, [this](const std::string& what) { breach(what); }),
      config_(config_of(program)),
      crash_random_(program.seed) {
  seed_ids(program.seed);
  cluster_.on_breach([this](const std::string& what) { breach(what); });
  cluster_.on_record(
      [this](const std::string& topic, std::int32_t partition, std::string_view text, bool is_refused, bool is_late) {
        if (is_refused) {
          ++refused_;
          refused_bytes_ += text.size();
        }
        truth_.arrived(topic, partition, text, is_refused, is_late);
      });
  disk_.set_keeps_birth_times(program.has_birth_times);
  disk_.reuse_inodes(program.reuses_inodes);
  if (has_like_inodes()) truth_.has_like_inodes();
  disk_.set_notifies(program.notifies ? Notifies::yes : Notifies::no);
  disk_.on_seen([this](std::uint64_t inode, std::uint64_t size, bool is_read) {
    Generation* generation = truth_.of_inode(inode);
    if (generation == nullptr || generation->fate != Fate::lives) return;
    if (!generation->is_away) generation->is_known = generation->is_met = true;
    generation->seen = std::max(generation->seen, size);
    if (size >= generation->bytes.size()) generation->unseen_since = kNever;
    if (is_read) generation->read = std::max(generation->read, size);
  });
  disk_.make("/state");
  disk_.make("/log/a");
  disk_.make("/log/b");
  disk_.make("/away");
  disk_.make("/copies");
}

World::~World() {
  if (pipeline_) {
    engine_->forget_all();
    workers_->forget_all();
    disk_.kill_process();
    cluster_.lose_clients();
  }
}

// Noted, not thrown: it may be found in the middle of the code that ships. The run ends soon after.
void World::breach(const std::string& what) {
  if (outcome_.breach.empty()) outcome_.breach = what;
}

void World::say(std::string step) {
  said_.push_back(fmt::format("{:10.4f} s  {}", to_seconds(clock_.now() - Instant(std::chrono::hours(24))), step));
  log::debug("{}", said_.back());
  if (said_.size() > kStepsSaid) said_.pop_front();
}

std::string World::path_of(std::uint64_t inode) const {
  const std::vector<std::string> paths = disk_.paths_of(inode);
  const auto seen = std::find_if(paths.begin(), paths.end(), is_matching);
  if (seen != paths.end()) return *seen;
  const auto near =
      std::find_if(paths.begin(), paths.end(), [](const auto& path) { return path.starts_with("/log/"); });
  if (near != paths.end()) return *near;
  return paths.empty() ? "" : paths.front();
}

Outcome World::run() {
  const Instant began = clock_.now();
  log::debug("fsync {}, on_reject {}, birth times {}, inodes used again {}, notifies {}, memory {}, max_line {}",
             static_cast<int>(program_.fsync), static_cast<int>(program_.on_reject), program_.has_birth_times,
             program_.reuses_inodes, program_.notifies, program_.memory, program_.max_line);
  start();
  for (const Action& action : program_.actions) {
    pass(action.before);
    if (is_broken()) break;
    if (!pipeline_ && dice_.one_in(6)) start();
    act(action);
    ++outcome_.actions;
  }
  if (!is_broken()) calm_down();
  if (!is_broken()) finish();
  outcome_.steps.assign(said_.begin(), said_.end());
  outcome_.simulated = clock_.now() - began;
  outcome_.records = truth_.records();
  outcome_.trace = truth_.trace() + outcome_.turns * 31 + static_cast<std::uint64_t>(outcome_.simulated.count());
  return outcome_;
}

void World::start() {
  TR_ASSERT(!pipeline_, "the agent runs already");
  say("the agent starts");
  engine_ = std::make_unique<SimEngine>(disk_, SimEngineFaults{.seed = dice_.next(),
                                                               .delay_max = program_.delay_max,
                                                               .reorders = program_.reorders,
                                                               .short_percent = program_.short_percent});
  workers_ = std::make_unique<SimWorkerPool>();
  workers_->hold(true);
  watcher_.reset();  // the old one stops listening before the new one begins
  watcher_ = std::make_unique<SimWatcher>(disk_);
  are_workers_late_ = is_disk_hung_ = is_draining_ = false;
  ++life_;
  idle_turns_ = 0;
  disk_.set_time(clock_.wall());
  note_trouble();
  note_owed();
  Result<std::unique_ptr<Pipeline>> made = Pipeline::create(
      config_,
      PipelineOptions{.open_files_max = kOpenFilesMax, .journal_segment_bytes_min = program_.journal_segment_bytes},
      {.files = disk_,
       .engine = *engine_,
       .workers = *workers_,
       .watcher = *watcher_,
       .make_sink = [this](const SinkConfig& sink) {
         return make_sink(sink, config_, {.files = disk_, .workers = *workers_, .make_client = cluster_.factory()});
       }});
  if (!made) {
    // A state_dir that is full or refuses everything is no reason not to start.
    breach("start: refused: " + made.error().text());
    return;
  }
  pipeline_ = std::move(*made);
  pipeline_->start(clock_.now(), clock_.wall());
  names_calm_from(clock_.now());
  for (Generation& generation : truth_.all()) generation.durable = generation.lagging_size = 0;
  lagging_.clear();
  turn();
  is_journal_good_ = pipeline_->snapshot(clock_.now(), clock_.wall(), 0).checkpoint.errors == 0;
}

// What could not be stored, or was lost with the power, nobody remembers: not even that it was there.
void World::note_forgotten(bool may_forget_all) {
  for (Generation& generation : truth_.all()) {
    if (generation.acked > 0 || generation.fate != Fate::lives) continue;
    // What was shipped had been stored before, but for where it is now if it was away.
    if (!may_forget_all && generation.prefix > 0 && !generation.was_away && !generation.was_forgotten) continue;
    generation.is_known = false;
    generation.was_forgotten = true;
    if (!is_matching(path_of(generation.inode))) generation.may_be_unknown = true;
  }
}

// The events that are not read yet will not be.
void World::note_untold() {
  for (Generation& generation : truth_.all()) {
    if (generation.is_known || !std::exchange(generation.is_told, false) || generation.fate != Fate::lives) continue;
    if (!is_matching(path_of(generation.inode))) generation.may_be_unknown = true;
  }
}

bool World::has_met_trouble(const Snapshot& snapshot) const {
  const auto& errors = snapshot.tailers[0].counters.open_errors;
  return snapshot.checkpoint.errors > 0 || cluster_.in_doubt() > 0 ||
         std::any_of(errors.begin(), errors.end(), [](std::uint64_t times) { return times > 0; });
}

// Below what was durable nothing may come again; what was only acknowledged may. Whether what is durable survives.
// `is_whole`: the agent drained, and nothing had gone wrong.
bool World::note_acked(const TailerSnapshot& tailer, End end, bool is_whole) {
  for (Generation& generation : truth_.all()) {
    const bool is_shown = is_whole && generation.fate == Fate::lives && generation.is_met && !generation.is_away &&
                          generation.seen == generation.bytes.size();
    generation.acked = is_shown ? generation.prefix : 0;
    generation.is_met = false;
    // How far it has grown past a drain's end is remembered once a second, and holds nothing up.
    const bool is_late = !generation.writes.empty() && generation.writes.back().second + kSizesEvery > clock_.now();
    if (end == End::drained && is_late) generation.read = std::min(generation.read, generation.prefix);
  }
  // A journal that could not be written anew since the start is as safe as the last process left it.
  const bool is_synced = program_.fsync != FsyncMode::off && is_journal_good_;
  const bool survives = end != End::power_lost || is_synced;
  for (const LaggingFile& file : tailer.files_lagging) {
    Generation* generation = truth_.of_inode(file.inode);
    if (generation == nullptr || truth_.generations_of(file.inode) != 1) continue;
    generation->acked = survives ? file.durable : 0;
  }
  for (Generation& generation : truth_.all()) {
    if (survives && truth_.generations_of(generation.inode) == 1)
      generation.acked = std::max(generation.acked, generation.durable);
  }
  return survives;
}

// The process is gone, its descriptors with it; what it had sent may still arrive.
void World::end_agent(End end, CrashMode mode) {
  const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 1000);
  const TailerSnapshot& tailer = snapshot.tailers[0];
  for (std::size_t i = 0; i < kLostReasons; ++i) {
    lost_before_[i] += tailer.counters.lost_bytes[i];
    lost_files_before_[i] += tailer.counters.lost_files[i];
  }
  acked_before_ += tailer.counters.acked_bytes;
  const SinkCounters& sink = snapshot.sinks[0].counters;
  rejected_before_ += sink.rejected_invalid + sink.rejected_timestamp + sink.rejected_too_large;

  const bool is_whole = end == End::drained && !was_flush_ && !has_met_trouble(snapshot);
  const bool survives = note_acked(tailer, end, is_whole);
  // Nor what could not be opened until a drain had ended.
  if (!is_whole) {
    note_forgotten(end == End::power_lost || snapshot.checkpoint.errors > 0);
  }
  for (Generation& generation : truth_.all()) {
    // The unfinished last line of a file that went just before the end: nobody may have known that it went.
    const bool is_gone = generation.fate != Fate::lives || generation.is_away;
    if (is_gone && (was_flush_ || generation.missing() <= generation.line_bytes()))
      generation.is_ended_unwatched = true;
  }
  if (snapshot.checkpoint.errors > 0) has_crashed_ = true;  // as if: what was acknowledged may come again
  if (end != End::drained) {
    has_crashed_ = true;
    for (Generation& generation : truth_.all()) {
      if (generation.fate != Fate::lives || generation.is_away) generation.is_ended_unwatched = true;
    }
    engine_->forget_all();
    workers_->forget_all();
    cluster_.lose_clients();
    // A process that is killed runs no destructor. Ours must, and can do nothing by it any more.
    if (end == End::killed) disk_.kill_process();
    if (end == End::power_lost) {
      has_lost_power_ = true;
      disk_.crash(mode, crash_random_);
    }
  }
  note_untold();
  pipeline_.reset();
  stuck_since_ = starved_since_ = kNever;
  disk_.kill_process();
  disk_.set_descriptor_limit(SIZE_MAX);  // of the process
  log_stored();
  check_stored(disk_, survives || mode == CrashMode::keep);
  is_draining_ = false;
}

bool World::sink_is_readable() const {
  for (const int fd : pipeline_->fds()) {
    if (fd < 0) continue;
    pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&asked, 1, 0) == 1) return true;
  }
  return false;
}

// As the real loop: when a descriptor would be readable, or a deadline has come.
bool World::must_turn() {
  if (!is_disk_hung_ && engine_->in_flight() > 0) return true;
  if (workers_->has_finished()) return true;
  if (watcher_->is_readable()) return true;
  if (sink_is_readable()) return true;
  return false;
}

void World::turn() {
  disk_.set_time(clock_.wall());
  note_trouble();
  check_noticed();
  check_goes_on();
  pipeline_->turn(clock_.now(), clock_.wall());
  ++outcome_.turns;
  check_turn();
  clock_.advance(kTurnTakes);
}

void World::pass(Duration time) {
  const Instant end = clock_.now() + time;
  while (!is_broken()) {
    while (!heals_.empty() && heals_.begin()->first <= clock_.now()) {
      const std::function<void()> heal = std::move(heals_.begin()->second);
      heals_.erase(heals_.begin());
      heal();
    }
    cluster_.advance();
    if (pipeline_) {
      if (workers_->waiting() > 0 && !dice_.one_in(are_workers_late_ ? 200 : 3)) {
        if (!are_workers_late_) workers_->run_one();
      } else if (workers_->waiting() > 0) {
        workers_->run_one();
      }
      const bool is_woken = must_turn();
      const Instant deadline = pipeline_->next_deadline();
      if (is_woken || deadline <= clock_.now()) {
        idle_turns_ = is_woken ? 0 : idle_turns_ + 1;
        if (idle_turns_ > kIdleTurnsMax) breach("spins: a deadline that is due and is not served");
        turn();
        if (const auto stop = pipeline_->stop()) breach("stop: " + stop->line);
        if (is_draining_ && pipeline_->is_drained()) {
          say("drained, ends");
          check_drained();
          end_agent(End::drained);
        }
        if (clock_.now() >= end) return;
        continue;
      }
      idle_turns_ = 0;
    }
    Instant next = end;
    if (!heals_.empty()) next = std::min(next, heals_.begin()->first);
    next = std::min(next, cluster_.next_event());
    if (pipeline_) {
      next = std::min(next, pipeline_->next_deadline());
      if (workers_->waiting() > 0) next = std::min(next, clock_.now() + microseconds(300));
    }
    if (next >= end) {
      if (end > clock_.now()) clock_.advance(end - clock_.now());
      return;
    }
    clock_.advance(std::max<Duration>(next - clock_.now(), microseconds(1)));
  }
}

// What befalls the very last writes is not healed by what comes after them: nothing does, and nothing else wakes the
// agent for a while.
void World::trouble_at_the_end() {
  Dice dice(program_.seed ^ 0x0fe);
  const std::uint64_t sort = dice.below(4);
  if (sort > 2 || is_broken()) return;
  pass(seconds(3));
  if (sort == 2) return much_in_turn(dice);
  const Instant heals_at = clock_.now() + milliseconds(1 + dice.below(700));
  if (sort == 0) {
    say("the last events are too many");
    watcher_->set_queue_max(0);
    heals_.emplace(heals_at, [this] { watcher_->set_queue_max(16'384); });
  } else {
    say("the last records are given back");
    // For longer than what else may wake a lane that waits.
    kafka_calm_ = clock_.now() + milliseconds(1 + dice.below(10'000));
    cluster_.deny({.is_one_by_one = dice.one_in(2), .is_of_writes_only = true});
    heals_.emplace(kafka_calm_, [this] { cluster_.allow(); });
  }
  // To files that only their descriptor or a search leads to; or to any.
  for (std::size_t i = 0; i < truth_.all().size(); ++i) {
    const Generation& generation = truth_.all()[i];
    if (generation.fate != Fate::lives || generation.is_away) continue;
    const std::string path = path_of(generation.inode);
    if (sort == 0 ? !is_matching(path) : dice.one_in(2)) append_line(path, 20);
  }
}

// One file after another: the lanes of those before are idle, and keep the memory that their next lines would need. The
// first one's partition may take nothing for a while.
void World::much_in_turn(Dice& dice) {
  say("much, in one file after another");
  if (dice.one_in(2)) {
    cluster_.stall_next();
    kafka_calm_ = clock_.now() + seconds(4);
    heals_.emplace(kafka_calm_, [this] { cluster_.go_on(); });
  }
  const std::uint64_t line = std::min<std::uint64_t>(program_.max_line, 800) / 2 - 20;  // to twice that
  for (int i = 0; i < 8 && !is_broken(); ++i) {
    for (const char* directory : {"/log/a", "/log/b"}) {
      const std::string path = fmt::format("{}/{}.log", directory, i);
      if (!disk_.exists(directory) || disk_.is_dangling(path)) continue;
      write_much(path, 150'000, line, dice);
      pass(milliseconds(60 + dice.below(40)));
    }
  }
}

// Everything heals, every unfinished line gets its end, the agent runs.
void World::calm_down() {
  say("all faults heal");
  while (!heals_.empty()) {
    const std::function<void()> heal = std::move(heals_.begin()->second);
    heals_.erase(heals_.begin());
    heal();
  }
  disk_.faults().heal();
  kafka_calm_ = clock_.now();
  if (is_draining_) pass(seconds(120));
  if (!pipeline_) start();
  pass(seconds(1));
  for (std::size_t i = 0; i < truth_.all().size(); ++i) {
    const Generation& generation = truth_.all()[i];
    if (generation.fate != Fate::lives || generation.is_away) continue;
    const std::string path = path_of(generation.inode);
    if (generation.has_unfinished_line()) append_line(path, 40);
    append_line(path, 20);
  }
  trouble_at_the_end();
}

void World::finish() {
  // Backoffs are at most a minute, an unfinished line of a renamed file waits 30 s, a scan finds what no event told of.
  for (int minute = 0; minute < 10 && !is_broken(); ++minute) {
    pass(minutes(1));
    if (is_broken()) return;
    const Snapshot snapshot = pipeline_->snapshot(clock_.now(), clock_.wall(), 100);
    if (minute >= 2 && snapshot.tailers[0].lag[2].bytes == 0 && cluster_.outstanding() == 0) break;
  }
  // A scan may just have had a look at what was renamed; the next one is a minute after it.
  for (int i = 0; i < 3 && disk_.open_descriptors() > kDescriptorsAtRest && !is_broken(); ++i) {
    pass(config_.tailers[0].close_idle + seconds(2));
  }
  check_end();
}

}  // namespace tailrace::sim
