#include "agent/pipeline.h"

#include <algorithm>

#include "agent/sink_line.h"
#include "agent/tailer_snapshot.h"
#include "base/log.h"
#include "buffer/checkpoint_journal.h"
#include "tailers/tailer.h"

namespace tailrace {
namespace {

// inotify's queue is read at once after quiet, then at most so often: a hundred writes a second in each of a thousand
// directories cost 9 % of a core so, and 21 % read one by one.
constexpr Duration kDrainPause = std::chrono::milliseconds(5);
constexpr Duration kDrainPauseBusy = std::chrono::milliseconds(20);
constexpr std::size_t kBusyEvents = 500;
// Reads of one turn: enough to keep a sink busy, few enough that acknowledgements and signals do not wait.
constexpr int kRoundsATurn = 16;

JournalFsync journal_fsync(FsyncMode mode) {
  switch (mode) {
    case FsyncMode::sync:
      return JournalFsync::sync;
    case FsyncMode::async:
      return JournalFsync::async;
    case FsyncMode::off:
      return JournalFsync::off;
  }
  return JournalFsync::async;
}

std::string_view fsync_name(FsyncMode mode) {
  switch (mode) {
    case FsyncMode::sync:
      return "sync";
    case FsyncMode::async:
      return "async";
    case FsyncMode::off:
      return "off";
  }
  return "";
}

Result<Patterns> patterns_of(const TailerConfig& config) {
  Patterns patterns;
  patterns.symlinks = config.symlinks;
  for (const auto& [texts, into] :
       {std::pair{&config.include, &patterns.include}, {&config.exclude, &patterns.exclude}}) {
    for (const std::string& text : *texts) {
      Result<Glob> glob = Glob::parse(text);
      if (!glob) return std::move(glob).error().during("tailers." + config.name, text);
      into->push_back(std::move(*glob));
    }
  }
  return patterns;
}

class RealPipeline final : public Pipeline {
 public:
  RealPipeline(Config config, PipelineOptions options, const Seams& seams)
      : config_(std::move(config)),
        options_(options),
        seams_(seams),
        watches_(seams_.watcher),
        own_journal_(
            std::make_unique<CheckpointJournal>(journal_settings(), seams_.files, seams_.engine, seams_.workers)),
        descriptors_(options.open_files_max),
        parts_{.files = seams_.files,
               .engine = seams_.engine,
               .workers = seams_.workers,
               .watches = watches_,
               .ledger = ledger_,
               .journal = journal_,
               .descriptors = descriptors_} {
    parts_.forget_after = config_.checkpoint.forget_after;
    parts_.is_once = options.once;
    parts_.own_directory = config_.agent.state_dir;
  }

  // The engine works on the buffers and descriptors of what is destroyed here: it ends first. Where something hangs,
  // what it may still use stays for as long as the process does.
  ~RealPipeline() override {
    if (seams_.engine.in_flight() == 0 || seams_.engine.stop()) return;
    for (auto& tailer : tailers_) static_cast<void>(tailer.release());
    for (auto& line : lines_) static_cast<void>(line.release());
    static_cast<void>(own_journal_.release());
  }
  RealPipeline(const RealPipeline&) = delete;
  RealPipeline& operator=(const RealPipeline&) = delete;

  Status build();

  void start(Instant now, WallTime wall) override;
  void turn(Instant now, WallTime wall) override;
  Instant next_deadline() const override;
  std::vector<int> fds() const override;
  void begin_drain(ShutdownMode mode, Instant now) override;
  bool is_drained() const override;
  bool once_met_errors() const override {
    return std::any_of(tailers_.begin(), tailers_.end(), [](const auto& tailer) { return tailer->met_errors(); });
  }
  std::uint64_t files_matched() const override {
    std::uint64_t files = 0;
    for (const auto& tailer : tailers_) files += tailer->files_found();
    return files;
  }
  std::optional<PipelineStop> stop() const override { return stop_; }
  Snapshot snapshot(Instant now, WallTime wall, std::size_t lagging_files_max) const override;
  void add_sources_lagging(Snapshot& to) const override {
    for (std::size_t i = 0; i < tailers_.size(); ++i) to.tailers[i].sources_lagging = sources_lagging(*tailers_[i]);
  }
  std::vector<LaggingFile> lagging_files(const std::vector<SourceId>& sources) const override {
    std::vector<LaggingFile> files;
    for (const SourceId id : sources) {
      if (const TailFile* file = find(id); file != nullptr) files.push_back(lagging_file(*file));
    }
    return files;
  }

 private:
  JournalSettings journal_settings() const {
    return {.directory = config_.agent.state_dir,
            .home = seams_.state,
            .fsync = journal_fsync(config_.checkpoint.fsync),
            .interval = config_.checkpoint.interval,
            .segment_bytes_min = options_.journal_segment_bytes_min,
            .is_stored = options_.stores_checkpoints};
  }
  void read_events(Instant now);
  void poll_sinks(Instant now);
  void schedule_reads(Instant now);
  void deadlines(Instant now);
  void begin_once(Instant now);
  void set_targets(Instant now);
  TailFile* find(SourceId id, Tailer** tailer = nullptr) const;

  const Config config_;
  const PipelineOptions options_;
  Seams seams_;
  DirectoryWatches watches_;
  Ledger ledger_;
  std::unique_ptr<CheckpointJournal> own_journal_;
  CheckpointJournal& journal_ = *own_journal_;
  DescriptorBudget descriptors_;
  Parts parts_;
  std::vector<std::unique_ptr<SinkLine>> lines_;
  std::vector<std::unique_ptr<Tailer>> tailers_;
  std::vector<SinkLine*> line_of_;  // by tailer
  std::optional<PipelineStop> stop_;
  Instant started_at_{};
  Instant drain_events_at_ = kNever;  // muted until then
  std::uint64_t watch_overflows_ = 0;
  Histogram fsync_seconds_ = latency_histogram();
  bool is_draining_ = false;
  bool needs_targets_ = false;  // draining: not all files were known yet
  // The journal is whole and holds what it was told, or there was none yet: a tailer that it does not know is new.
  bool knows_names_ = true;
};

Status RealPipeline::build() {
  Result<JournalOpened> opened = journal_.open();
  if (!opened) return std::move(opened).error();
  knows_names_ = !opened->existed || (opened->is_usable && opened->bad_at == 0);
  journal_.on_durable([this](SourceId id, Offset durable) {
    for (const auto& tailer : tailers_) tailer->made_durable(id, durable);
  });
  for (const SinkConfig& config : config_.sinks) {
    Result<std::unique_ptr<Sink>> sink = seams_.make_sink(config);
    if (!sink) return std::move(sink).error();
    lines_.push_back(std::make_unique<SinkLine>(config, std::move(*sink), parts_));
  }
  for (const TailerConfig& config : config_.tailers) {
    Result<Patterns> patterns = patterns_of(config);
    if (!patterns) return std::move(patterns).error();
    patterns->own_directory = config_.agent.state_dir;
    const auto line = std::find_if(lines_.begin(), lines_.end(), [&config](const auto& candidate) {
      return candidate->config().name == config.sink;
    });
    TR_ASSERT(line != lines_.end(), "tailers.{}: no sink {}", config.name, config.sink);
    line_of_.push_back(line->get());
    tailers_.push_back(std::make_unique<Tailer>(config, std::move(*patterns), parts_, (*line)->reader()));
  }
  return {};
}

void RealPipeline::start(Instant now, WallTime wall) {
  started_at_ = now;
  parts_.now = now;
  parts_.wall = wall;
  std::vector<bool> reads_all;  // by tailer
  for (const auto& tailer : tailers_) {
    const std::string& name = tailer->config().name;
    const bool is_known = std::any_of(journal_.all().begin(), journal_.all().end(),
                                      [&name](const auto& entry) { return entry.second.tailer == name; });
    // A record without a path: the name has started once, whether it found a file or not. With it in the journal what
    // it does not know is read from its beginning: that is what outlives a damaged one.
    if (!is_known) {
      Checkpoint started;
      started.id = SourceId::random();
      started.tailer = name;
      started.is_finished = true;
      journal_.put(std::move(started));
    }
    reads_all.push_back(is_known || !knows_names_);
  }
  journal_.begin();
  for (std::size_t i = 0; i < tailers_.size(); ++i) tailers_[i]->start(reads_all[i], now);
}

void RealPipeline::turn(Instant now, WallTime wall) {
  parts_.now = now;
  parts_.wall = wall;
  seams_.engine.dispatch(now);
  poll_sinks(now);
  seams_.workers.dispatch(now);
  read_events(now);
  deadlines(now);
  if (options_.once && !is_draining_) begin_once(now);
  if (needs_targets_) set_targets(now);
  schedule_reads(now);
  for (const auto& line : lines_) line->end_turn(now);
  // What is left of a drain, once all is acknowledged, is the disk's: it need not wait for `interval`.
  journal_.hurry(is_draining_ && std::all_of(lines_.begin(), lines_.end(), [](auto& line) { return line->is_idle(); }));
  journal_.turn(now);
  for (const double seconds : journal_.counters().fsync_seconds) fsync_seconds_.observe(seconds);
  journal_.counters().fsync_seconds.clear();
  seams_.engine.flush();
  for (const auto& tailer : tailers_) tailer->end_turn();
}

void RealPipeline::poll_sinks(Instant now) {
  const bool holds = config_.checkpoint.fsync == FsyncMode::sync && !journal_.is_degraded();
  if (parts_.holds_until_durable && !holds) {
    for (const auto& tailer : tailers_) tailer->release_holds();
  }
  parts_.holds_until_durable = holds;
  for (const auto& line : lines_) {
    SinkEvents& events = line->poll(now);
    for (const Settled& settled : events.settled) {
      const LedgerMove move = ledger_.settle(settled.batch);
      line->settled(move, now, parts_.wall);
      Tailer* tailer = nullptr;
      TailFile* file = find(move.source, &tailer);
      TR_ASSERT(file != nullptr, "batch {} settled, its source {} is gone", settled.batch, move.source.hex());
      if (settled.outcome == Outcome::rejected && line->config().on_reject == OnReject::drop) {
        tailer->lost(*file, LostReason::rejected, settled.rejected_bytes);
      }
      line->reader().wake_lane(file->lane);
      tailer->settled(*file, move, now);
    }
    if (!events.settled.empty()) line->reader().memory_freed();
    if (events.rewind_all) {
      for (std::size_t i = 0; i < tailers_.size(); ++i) {
        if (line_of_[i] == line.get()) tailers_[i]->rewind_all();
      }
      line->reader().memory_freed();
    }
    for (const SourceId id : events.rewound) {
      Tailer* tailer = nullptr;
      if (TailFile* file = find(id, &tailer); file != nullptr) tailer->rewind(*file);
    }
    if (events.room_changed || !events.rewound.empty()) line->reader().room_changed();
    if (events.stop && !stop_) stop_ = PipelineStop{.exit_status = 1, .line = *events.stop};
  }
}

void RealPipeline::read_events(Instant now) {
  if (drain_events_at_ != kNever && drain_events_at_ > now) return;
  std::size_t events = 0;
  bool has_overflown = false;
  seams_.watcher.read_events([&](const WatchEvent& event) {
    ++events;
    if (event.kind == WatchEvent::Kind::overflow) {
      has_overflown = true;
      return;
    }
    const std::string* known = watches_.path_of(event.watch);
    if (known == nullptr) return;
    const std::string path = *known;
    if (event.kind == WatchEvent::Kind::directory_gone) watches_.drop(event.watch);
    for (const auto& tailer : tailers_) tailer->on_watch_event(path, event, now);
  });
  if (has_overflown) {
    ++watch_overflows_;
    log::warn("inotify lost events: all directories are scanned; raise fs.inotify.max_queued_events");
    for (const auto& tailer : tailers_) tailer->events_lost(now);
  }
  if (events > 0) {
    for (const auto& tailer : tailers_) tailer->after_events(now);
    if (drain_events_at_ == kNever) seams_.watcher.mute(true);
    drain_events_at_ = now + (events > kBusyEvents ? kDrainPauseBusy : kDrainPause);
  } else if (drain_events_at_ != kNever) {
    seams_.watcher.mute(false);  // quiet again: the next one is looked at when it comes
    drain_events_at_ = kNever;
  }
}

void RealPipeline::deadlines(Instant now) {
  for (const auto& tailer : tailers_) {
    if (tailer->next_deadline() <= now) tailer->on_deadline(now);
  }
  for (const auto& line : lines_) line->reader().on_deadline(now);
  while (TailFile* file = descriptors_.expired(now)) {
    FileReader& reader = file->tailer->reader();
    reader.lend(*file, now);
    if (!file->is_forgotten) file->tailer->after_read(*file, now);
  }
}

void RealPipeline::schedule_reads(Instant now) {
  for (int round = 0; round < kRoundsATurn; ++round) {
    std::size_t started = 0;
    if (std::exchange(parts_.has_free_descriptor, false)) {
      for (const auto& line : lines_) line->reader().descriptor_freed();
    }
    for (const auto& line : lines_) started += line->reader().start_reads(now);
    if (started == 0) return;
    seams_.engine.flush();
    if (seams_.engine.dispatch(now) == 0) return;
  }
}

Instant RealPipeline::next_deadline() const {
  Instant next = std::min({journal_.next_deadline(), descriptors_.next_deadline(), drain_events_at_});
  for (const auto& tailer : tailers_) next = std::min(next, tailer->next_deadline());
  for (const auto& line : lines_) next = std::min(next, line->next_deadline());
  return next;
}

std::vector<int> RealPipeline::fds() const {
  std::vector<int> fds = {seams_.engine.fd(), seams_.workers.fd(), seams_.watcher.fd()};
  for (const auto& line : lines_) fds.push_back(line->sink().fd());
  return fds;
}

void RealPipeline::begin_once(Instant now) {
  if (!std::all_of(tailers_.begin(), tailers_.end(), [](const auto& tailer) { return tailer->is_quiet(); })) return;
  is_draining_ = true;
  for (const auto& tailer : tailers_) tailer->set_targets(true, now);
  for (const auto& line : lines_) line->sink().hurry();
}

void RealPipeline::begin_drain(ShutdownMode mode, Instant now) {
  if (!is_draining_) {
    is_draining_ = true;
    needs_targets_ = mode == ShutdownMode::drain;
    if (needs_targets_) set_targets(now);
  }
  if (mode == ShutdownMode::flush) {
    needs_targets_ = false;
    for (const auto& tailer : tailers_) tailer->stop_reading(now);
  }
  for (const auto& line : lines_) line->sink().hurry();
}

// Files that were there and are not known yet (a scan or a probe is under way) get theirs when they are.
void RealPipeline::set_targets(Instant now) {
  for (const auto& tailer : tailers_) tailer->set_targets(false, now);
  needs_targets_ =
      !std::all_of(tailers_.begin(), tailers_.end(), [](const auto& tailer) { return tailer->is_quiet(); });
}

bool RealPipeline::is_drained() const {
  return is_draining_ && !needs_targets_ &&
         std::all_of(tailers_.begin(), tailers_.end(), [](const auto& tailer) { return tailer->is_drained(); }) &&
         (journal_.is_settled() || journal_.is_stuck());
}

TailFile* RealPipeline::find(SourceId id, Tailer** tailer) const {
  for (const auto& candidate : tailers_) {
    if (TailFile* file = candidate->find(id); file != nullptr) {
      if (tailer != nullptr) *tailer = candidate.get();
      return file;
    }
  }
  return nullptr;
}

Snapshot RealPipeline::snapshot(Instant now, WallTime, std::size_t lagging_files_max) const {
  Snapshot snapshot;
  snapshot.agent_name = config_.agent.name;
  snapshot.engine = seams_.engine.name();
  snapshot.uptime_seconds = to_seconds(now - started_at_);
  snapshot.is_scanned =
      std::all_of(tailers_.begin(), tailers_.end(), [](const auto& tailer) { return tailer->is_scanned(); });
  for (const auto& tailer : tailers_) snapshot.tailers.push_back(snapshot_of(*tailer, now, lagging_files_max));
  for (const auto& line : lines_) snapshot.sinks.push_back(line->snapshot(now));
  snapshot.checkpoint = {.fsync = std::string(fsync_name(config_.checkpoint.fsync)),
                         .unsynced_seconds = journal_.unsynced_seconds(now),
                         .writes = journal_.counters().writes,
                         .errors = journal_.counters().errors,
                         .fsync_seconds = fsync_seconds_};
  snapshot.watch_overflows = watch_overflows_;
  return snapshot;
}

}  // namespace

Result<std::unique_ptr<Pipeline>> Pipeline::create(Config config, PipelineOptions options, const Seams& seams) {
  auto pipeline = std::make_unique<RealPipeline>(std::move(config), options, seams);
  if (Status built = pipeline->build(); !built) return std::move(built).error();
  return std::unique_ptr<Pipeline>(std::move(pipeline));
}

}  // namespace tailrace
