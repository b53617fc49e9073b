#include "agent/commands/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>

#include "agent/console.h"
#include "agent/event_loop.h"
#include "agent/exit_status.h"
#include "agent/heap.h"
#include "agent/http_server.h"
#include "agent/lifecycle.h"
#include "agent/memory_bound.h"
#include "agent/notify.h"
#include "agent/open_files.h"
#include "agent/pipeline.h"
#include "agent/preflight.h"
#include "agent/progress_line.h"
#include "agent/snapshot_exchange.h"
#include "agent/state_dir.h"
#include "agent/token_file.h"
#include "agent/versions.h"
#include "base/log.h"
#include "base/secrets.h"
#include "base/thread_worker_pool.h"
#include "config/loader.h"
#include "config/toml_text.h"
#include "sinks/sink_factory.h"
#include "tailers/engine_choice.h"
#include "tailers/inotify_watcher.h"

namespace tailrace {

namespace {

constexpr long kRetryNanoseconds = 100'000'000;
// A journal that is there and cannot be read for a reason that may pass.
constexpr Duration kJournalPatience = std::chrono::seconds(10);

// One run, from the loaded config to the exit status. Each step that cannot be taken names the exit status instead.
class AgentRun {
 public:
  AgentRun(Loaded loaded, RunOptions options, std::uint64_t open_files_max)
      : config_(std::move(loaded.config)),
        places_(std::move(loaded.places)),
        options_(std::move(options)),
        open_files_max_(open_files_max) {}

  int run();
  // False: the process must end as it stands, without waiting for sinks and threads.
  bool is_clean() const { return is_clean_; }

 private:
  std::optional<int> take_state_dir();
  std::optional<int> wait_for_lock();
  std::optional<int> start_parts();
  std::optional<int> build_pipeline();
  Result<std::unique_ptr<Pipeline>> make_pipeline();
  std::optional<int> start_http();
  Status watch(EventLoop& loop, Lifecycle& lifecycle);
  int loop();
  void turn(EventLoop& loop, Lifecycle& lifecycle, Instant now, WallTime wall);
  int config_error(const std::string& key, const std::string& text, const std::string& remedy) const;

  Config config_;
  const Places places_;
  const RunOptions options_;
  const std::uint64_t open_files_max_;
  const SystemClock clock_;
  const WallTime loaded_at_ = clock_.wall();
  static inline SystemFileSystem process_files;  // a worker that hangs may outlive the run
  Notify notify_ = Notify::from_environment();
  bool is_clean_ = true;

  // In the order in which they are made; they go the other way.
  std::optional<StateDir> state_dir_;
  std::unique_ptr<ThreadWorkerPool> workers_;
  EngineChosen engine_;
  std::unique_ptr<InotifyWatcher> watcher_;
  std::unique_ptr<Pipeline> pipeline_;
  SnapshotExchange exchange_;
  std::unique_ptr<HttpServer> http_;
  std::optional<ProgressLine> progress_;
};

int fail(const std::string& text) {
  log::error("{}", text);
  return kExitFailed;
}

// What only editing the config can mend: like the loader's own errors, where the key stands.
int AgentRun::config_error(const std::string& key, const std::string& text, const std::string& remedy) const {
  say(to_string(places_.error(key, key.empty() ? text : key + ": " + text, remedy)));
  return kExitConfig;
}

int AgentRun::run() {
  if (!options_.dry_run) {
    if (const auto exit_status = take_state_dir()) return *exit_status;
  }
  if (const auto exit_status = start_parts()) return *exit_status;
  if (const auto exit_status = build_pipeline()) return *exit_status;
  if (const auto exit_status = start_http()) return *exit_status;
  const int exit_status = loop();
  exchange_.close();
  if (http_) state_dir_->remove_http_address();
  // Before what it works on goes. What hangs may still write into it.
  if (is_clean_ && !engine_.engine->stop()) is_clean_ = false;
  return exit_status;
}

std::optional<int> AgentRun::take_state_dir() {
  Result<StateDir> opened = StateDir::open(process_files, config_.agent.state_dir);
  if (!opened && opened.error().kind() == ErrorKind::bad_input) {
    return config_error("agent.state_dir", opened.error().text(), kStateDirRemedy);
  }
  if (!opened) return fail("state_dir: " + opened.error().text());
  state_dir_.emplace(std::move(*opened));
  if (const auto exit_status = wait_for_lock()) return exit_status;
  if (!state_dir_->is_writable()) {
    log::warn(
        "state_dir {} cannot be written: {}; shipping goes on, what is shipped now may be doubled after a restart",
        state_dir_->path(), state_dir_->trouble());
  }
  return std::nullopt;
}

// Signals are blocked already, so they are looked for here.
bool is_ended_within_pause() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  const timespec pause{0, kRetryNanoseconds};
  return sigtimedwait(&ends, nullptr, &pause) > 0;
}

// The agent before us may still be draining.
std::optional<int> AgentRun::wait_for_lock() {
  const Instant deadline = clock_.now() + config_.agent.shutdown_timeout;
  bool is_first = true;
  while (true) {
    const Status locked = state_dir_->try_lock();
    if (locked) return std::nullopt;
    if (locked.error().kind() != ErrorKind::fenced) return fail(locked.error().text());
    if (clock_.now() >= deadline) return fail(locked.error().text() + "; stop it first, or give this agent its own");
    if (is_first) {
      log::info("{}; waiting for it, at most {} s", locked.error().text(), to_seconds(config_.agent.shutdown_timeout));
    }
    is_first = false;
    if (is_ended_within_pause()) return options_.once ? kExitFailed : kExitDone;
  }
}

std::optional<int> AgentRun::start_parts() {
  if (const auto warning = memory_warning(config_, cgroup_memory_max())) log::warn("{}", *warning);
  Result<std::unique_ptr<ThreadWorkerPool>> workers = ThreadWorkerPool::create(worker_count());
  if (!workers) return fail(workers.error().text());
  workers_ = std::move(*workers);
  Result<EngineChosen> engine = choose_engine(config_.agent.engine);
  if (!engine) return fail("agent.engine: " + engine.error().text());
  engine_ = std::move(*engine);
  Result<std::unique_ptr<InotifyWatcher>> watcher = InotifyWatcher::create();
  if (!watcher) return fail(watcher.error().text());
  watcher_ = std::move(*watcher);
  return std::nullopt;
}

std::optional<int> AgentRun::build_pipeline() {
  const Instant deadline = clock_.now() + kJournalPatience;
  while (true) {
    Result<std::unique_ptr<Pipeline>> pipeline = make_pipeline();
    if (pipeline) {
      pipeline_ = std::move(*pipeline);
      break;
    }
    const Error& error = pipeline.error();
    if (error.kind() == ErrorKind::bad_input) return config_error("", error.text(), "correct it");
    if (error.kind() == ErrorKind::permission) return config_error("agent.state_dir", error.text(), kStateDirRemedy);
    if (error.kind() != ErrorKind::again || clock_.now() >= deadline) return fail(error.text());
    log::warn("{}; trying again, for at most {} s", error.text(), to_seconds(kJournalPatience));
    if (is_ended_within_pause()) return options_.once ? kExitFailed : kExitDone;
  }
  log::info("tailrace {} starts: {} tailers, {} sinks, {}; at most {} files open", tailrace_version(),
            config_.tailers.size(), config_.sinks.size(), engine_.reason, open_files_max_);
  return std::nullopt;
}

Result<std::unique_ptr<Pipeline>> AgentRun::make_pipeline() {
  const PipelineOptions pipeline_options{
      .once = options_.once, .stores_checkpoints = !options_.dry_run, .open_files_max = open_files_max_};
  const std::shared_ptr<StateHome> state = state_dir_ ? state_dir_->home() : nullptr;
  const auto make = [this, state](const SinkConfig& sink) {
    return make_sink(sink, config_, {.files = process_files, .workers = *workers_, .state = state});
  };
  return Pipeline::create(config_, pipeline_options,
                          {.files = process_files,
                           .engine = *engine_.engine,
                           .workers = *workers_,
                           .watcher = *watcher_,
                           .make_sink = make,
                           .state = state});
}

std::optional<int> AgentRun::start_http() {
  if (config_.http.listen.empty()) return std::nullopt;
  Result<std::string> token = read_token(process_files, config_.http.token_file);
  if (!token) return config_error("http.token_file", token.error().text(), "make it hold one token");
  Result<std::unique_ptr<HttpServer>> http = HttpServer::start(
      config_.http.listen, exchange_, {{tailrace_version(), librdkafka_version()}, std::move(*token)});
  if (!http) {
    return fail(fmt::format("http.listen \"{}\": {}; choose another address, or \"\" for none", config_.http.listen,
                            http.error().text()));
  }
  http_ = std::move(*http);
  log::info("HTTP on {}", http_->address());
  if (Status written = state_dir_->write_http_address(http_->address()); !written) {
    log::warn("{}", written.error().text());
  }
  return std::nullopt;
}

Status AgentRun::watch(EventLoop& loop, Lifecycle& lifecycle) {
  for (const int fd : pipeline_->fds()) {
    if (Status watched = loop.watch(fd); !watched) return watched;
  }
  loop.on_signal([&lifecycle](int signal, Instant now) { lifecycle.on_signal(signal, now); });
  return loop.watch(exchange_.asked_fd(), [this](Instant now) {
    exchange_.answer({.snapshot =
                          [&](const LoopQuestion& most) {
                            Snapshot snapshot = pipeline_->snapshot(now, clock_.wall(), most.lagging_files_max);
                            if (most.wants_sources) pipeline_->add_sources_lagging(snapshot);
                            snapshot.last_reload_unix_seconds = to_seconds(loaded_at_.time_since_epoch());
                            return snapshot;
                          },
                      .files = [&](const auto& sources) { return pipeline_->lagging_files(sources); }});
  });
}

int AgentRun::loop() {
  Result<std::unique_ptr<EventLoop>> made = EventLoop::create(clock_);
  if (!made) return fail(made.error().text());
  EventLoop& loop = **made;
  Lifecycle lifecycle(*pipeline_, notify_,
                      {options_.once, config_.agent.shutdown, Duration(config_.agent.shutdown_timeout)});
  if (Status watched = watch(loop, lifecycle); !watched) return fail(watched.error().text());
  if (options_.once && !options_.dry_run) progress_.emplace(STDERR_FILENO);
  lifecycle.start(clock_.now(), clock_.wall());
  loop.run([&](Instant now, WallTime wall) { turn(loop, lifecycle, now, wall); },
           [&] {
             const Instant next = lifecycle.next_deadline();
             return progress_ ? std::min(next, progress_->next_deadline()) : next;
           });
  progress_.reset();
  is_clean_ = lifecycle.is_clean();
  return *lifecycle.exit_status();
}

void AgentRun::turn(EventLoop& loop, Lifecycle& lifecycle, Instant now, WallTime wall) {
  exchange_.begin_turn(now);
  lifecycle.turn(now, wall);
  exchange_.end_turn();
  if (lifecycle.exit_status()) {
    loop.stop();
  } else if (progress_ && now >= progress_->next_deadline()) {
    progress_->show(pipeline_->snapshot(now, wall, 0), now);
  }
}

// --dry-run: every tailer's lines to stdout, whatever sink they are meant for.
void replace_sinks(Config& config) {
  for (SinkConfig& sink : config.sinks) sink.type = SinkType::stdout_lines;
}

// Lines that went to /dev/null would count as shipped.
std::optional<int> missing_stdout(const Config& config, const RunOptions& options) {
  if (options.has_stdout) return std::nullopt;
  if (options.dry_run)
    return tailrace::fail(kExitFailed, "--dry-run: stdout is closed; redirect it to where the lines should go");
  for (const SinkConfig& sink : config.sinks) {
    if (sink.type != SinkType::stdout_lines) continue;
    return tailrace::fail(kExitFailed,
                          fmt::format("sinks.{}: stdout is closed; redirect it, to /dev/null if nobody wants the lines",
                                      toml_key(sink.name)));
  }
  return std::nullopt;
}

}  // namespace

int run_agent(const RunOptions& options) {
  // Before anything else needs one, and so that nothing that cannot do without is made when there are too few.
  const std::uint64_t files_limit = raise_open_files_limit();
  if (files_limit < open_files_least()) {
    return tailrace::fail(kExitFailed, fmt::format("RLIMIT_NOFILE is {}: at least {} descriptors are needed; raise it "
                                                   "(ulimit -n, LimitNOFILE=)",
                                                   files_limit, open_files_least()));
  }
  Loaded loaded = load_config(options.config, Environment::of_process());
  hide_from_now_on(loaded.secrets);
  for (const ConfigError& error : loaded.errors) say(to_string(error));
  for (const ConfigError& warning : loaded.warnings) say(to_string(warning));
  if (!loaded) return kExitConfig;
  if (options.dry_run) {
    replace_sinks(loaded.config);
    loaded.config.http = {.listen = "", .token_file = ""};  // the port is that of the agent that ships
  }

  if (const auto exit_status = missing_stdout(loaded.config, options)) return *exit_status;

  block_signals();
  const std::vector<ConfigError> refused = preflight(loaded);
  for (const ConfigError& error : refused) say(to_string(error));
  if (!refused.empty()) return kExitConfig;
  keep_freed_memory();
  const std::uint64_t files_max = open_files_max(files_limit, loaded.config.agent.max_open_files);
  reserve_descriptors(files_max);
  log::start(loaded.config.agent.log_level, loaded.config.agent.log_format);
  int exit_status = kExitFailed;
  {
    AgentRun run(std::move(loaded), options, files_max);
    exit_status = run.run();
    if (!run.is_clean()) {
      log::stop();
      std::_Exit(exit_status);
    }
    // From here on a signal ends the process at once: letting go of the sinks may take a moment.
    unblock_signals();
  }
  log::stop();
  return exit_status;
}

}  // namespace tailrace
