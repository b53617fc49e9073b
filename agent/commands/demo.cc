#include "agent/commands/demo.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <utility>

#include "agent/commands/demo_agent.h"
#include "agent/commands/demo_broker.h"
#include "agent/commands/demo_copy.h"
#include "agent/commands/demo_screen.h"
#include "agent/commands/demo_writer.h"
#include "agent/console.h"
#include "agent/exit_status.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/write_all.h"

namespace tailrace {
namespace {

constexpr Duration kWriting = std::chrono::seconds(9);
constexpr Duration kKillAfter = std::chrono::milliseconds(4'500);
constexpr Duration kDeadFor = std::chrono::milliseconds(500);  // a rotation falls into it
constexpr Duration kSilenceMax = std::chrono::seconds(20);     // so long nothing arrives: it is given up
constexpr Duration kDrainMax = std::chrono::seconds(30);
constexpr std::uint64_t kMaxLine = 512 * 1024;
constexpr std::uint64_t kMemory = 8 * 1024 * 1024;  // what a kill may double at most

// A directory of its own, gone with it.
class TemporaryDirectory {
 public:
  static Result<std::unique_ptr<TemporaryDirectory>> make() {
    const char* parent = ::getenv("TMPDIR");
    std::string path = std::string(parent != nullptr && *parent == '/' ? parent : "/tmp") + "/tailrace-demo-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return Error::from_errno(errno).during("make directory", path);
    return std::unique_ptr<TemporaryDirectory>(new TemporaryDirectory(std::move(path)));
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

// SIGINT and SIGTERM wait until they are asked for; threads that start meanwhile inherit that.
class HeldSignals {
 public:
  HeldSignals() {
    ::sigemptyset(&held_);
    ::sigaddset(&held_, SIGINT);
    ::sigaddset(&held_, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  std::optional<int> take() const {
    const timespec at_once{};
    const int number = ::sigtimedwait(&held_, nullptr, &at_once);
    if (number <= 0) return std::nullopt;
    return number;
  }

 private:
  sigset_t held_{};
  sigset_t before_{};
};

std::string topic_of(const std::string& tailer) { return "demo-" + tailer; }

// A TOML basic string; for include patterns the glob's own characters are escaped before.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string literal_glob(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (std::string_view("*?[]{}\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

class Demo {
 public:
  Demo(const DemoOptions& options, const TemporaryDirectory& directory, DemoLoad& load, DemoBroker& broker,
       const HeldSignals& signals)
      : directory_(directory),
        load_(load),
        broker_(broker),
        signals_(signals),
        screen_(options.is_terminal),
        agent_(options.program, {"run", "-c", directory / "tailrace.toml"}, directory / "agent.log"),
        last_(options.program, {"run", "-c", directory / "tailrace.toml", "--once"}, directory / "agent.log") {}

  // The exit status, or why it could not be tried.
  Result<int> run();
  std::string agent_log() const;

 private:
  Status write_config() const;
  Status turn(Instant now);
  Status crash_and_restart(Instant now);
  Status finish();
  DemoBroker::OnRecord on_record() {
    return [this](std::size_t log, std::string_view value) { load_.arrived(log, value); };
  }

  const SystemClock clock_;
  const TemporaryDirectory& directory_;
  DemoLoad& load_;
  DemoBroker& broker_;
  const HeldSignals& signals_;
  Instant begin_{};
  DemoScreen screen_;
  DemoAgent agent_;
  DemoAgent last_;  // `--once`, for the unfinished last lines of given files
  std::optional<Instant> killed_at_;
  bool is_restarted_ = false;
  std::uint64_t rotations_said_ = 0;
  Instant last_arrival_{};
};

Status Demo::write_config() const {
  std::ofstream file(directory_ / "tailrace.toml");
  file << "[agent]\nname = \"demo\"\nstate_dir = " << quoted(directory_ / "state")
       << "\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n";
  for (const std::string& name : load_.names()) {
    file << "[tailers." << name << "]\ninclude = [" << quoted(literal_glob(directory_ / "logs") + "/" + name + ".log")
         << "]\nmax_line = " << kMaxLine << "\n\n";
  }
  file << "[sinks.kafka]\ntype = \"kafka\"\nbrokers = [" << quoted(broker_.bootstrap_servers())
       << "]\ntopic = \"demo-{tailer}\"\nmemory = " << kMemory << "\n";
  file.close();
  if (!file) return Error(ErrorKind::io, "cannot write the demo's config");
  return {};
}

Status Demo::crash_and_restart(Instant now) {
  if (!killed_at_ && now >= begin_ + kKillAfter) {
    agent_.kill_hard();
    killed_at_ = now;
    load_.agent_killed(kMemory);
    screen_.say(fmt::format("{:4.1f} s  kill -9 of the agent; the logs grow on and rotate", to_seconds(now - begin_)));
  }
  if (killed_at_ && !is_restarted_ && now >= *killed_at_ + kDeadFor) {
    is_restarted_ = true;
    screen_.say(fmt::format("{:4.1f} s  the agent starts again, {} KiB behind", to_seconds(now - begin_),
                            (load_.progress().written_bytes - load_.progress().arrived_bytes) / 1024));
    return agent_.start();
  }
  return {};
}

Status Demo::turn(Instant now) {
  Status status = load_.write(now);
  if (!status) return status;
  if (load_.is_killed_midway()) status = crash_and_restart(now);
  if (!status) return status;
  if (const std::optional<int> exit_status = agent_.ended()) {
    return Error(ErrorKind::refused, fmt::format("the agent ended by itself with status {}", *exit_status));
  }
  const std::uint64_t before = load_.progress().arrived_lines;
  const Result<std::size_t> read = broker_.read(std::chrono::milliseconds(5), on_record());
  if (!read) return read.error();
  if (load_.progress().arrived_lines > before) last_arrival_ = now;
  if (load_.progress().rotations > rotations_said_) {
    rotations_said_ = load_.progress().rotations;
    screen_.say(fmt::format("{:4.1f} s  rotation {}: a log was renamed, a new one begun", to_seconds(now - begin_),
                            rotations_said_));
  }
  if (screen_.is_due(now)) screen_.show(now, now - begin_, load_.progress(), ask_lag(directory_ / "state"));
  return {};
}

// The agent ends as it should, and what is in the topics now is all that there will ever be.
Status Demo::finish() {
  const Instant now = clock_.now();
  screen_.close(now, now - begin_, load_.progress(), ask_lag(directory_ / "state"));
  Result<int> status = agent_.drain(kDrainMax);
  if (!status) return std::move(status).error();
  if (*status != 0) {
    return Error(ErrorKind::refused, fmt::format("the agent ended with status {} after SIGTERM", *status));
  }
  Status read = broker_.read_to_ends(on_record());
  if (!read || !load_.has_unfinished_line()) return read;
  Status started = last_.start();
  if (!started) return started;
  status = last_.wait(kDrainMax);
  if (!status) return std::move(status).error();
  if (*status != 0) return Error(ErrorKind::refused, fmt::format("`run --once` ended with status {}", *status));
  return broker_.read_to_ends(on_record());
}

Result<int> Demo::run() {
  Status status = write_config();
  if (status) status = agent_.start();
  begin_ = last_arrival_ = clock_.now();
  screen_.start(begin_);
  while (status && !(load_.is_written() && load_.is_arrived())) {
    const Instant now = clock_.now();
    status = turn(now);
    if (const std::optional<int> signal = signals_.take()) return 128 + *signal;
    if (load_.is_written() && now > last_arrival_ + kSilenceMax) break;  // the verdict says what is missing
  }
  if (status) status = finish();
  if (!status) return std::move(status).error();
  if (const Status printed = print("\n" + load_.verdict()); !printed)
    return Error(printed.error()).during("write to", "stdout");
  return load_.is_right() ? 0 : 1;
}

// Its last lines, for the one who has to find out.
std::string Demo::agent_log() const {
  std::ifstream file(directory_ / "agent.log");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  constexpr std::size_t kShown = 2'000;
  return text.size() <= kShown ? text : text.substr(text.find('\n', text.size() - kShown) + 1);
}

Result<std::unique_ptr<DemoLoad>> make_load(const DemoOptions& options, const std::string& logs) {
  if (options.files.empty()) return std::unique_ptr<DemoLoad>(std::make_unique<DemoWriter>(logs, kWriting));
  Result<std::unique_ptr<DemoCopy>> copy = DemoCopy::open(logs, options.files, kMaxLine);
  if (!copy) return std::move(copy).error();
  return std::unique_ptr<DemoLoad>(*std::move(copy));
}

Result<int> try_demo(const DemoOptions& options) {
  const HeldSignals signals;  // before librdkafka's threads
  Result<std::unique_ptr<TemporaryDirectory>> directory = TemporaryDirectory::make();
  if (!directory) return std::move(directory).error();
  const std::string logs = **directory / "logs";
  std::error_code failed;
  std::filesystem::create_directory(logs, failed);
  if (failed) return Error::from_errno(failed.value()).during("make directory", logs);
  Result<std::unique_ptr<DemoLoad>> load = make_load(options, logs);
  if (!load) return std::move(load).error();
  std::vector<std::string> topics;
  for (const std::string& name : (*load)->names()) topics.push_back(topic_of(name));
  Result<std::unique_ptr<DemoBroker>> broker = DemoBroker::start(topics);
  if (!broker) return std::move(broker).error();
  const char* what = options.files.empty() ? "Two logs that grow and rotate" : "Growing copies of the files";
  if (const Status printed =
          print(fmt::format("{} -> tailrace -> a Kafka broker inside this process -> read back.\n", what));
      !printed)
    return Error(printed.error()).during("write to", "stdout");
  Demo demo(options, **directory, **load, **broker, signals);
  Result<int> status = demo.run();
  if (!status) static_cast<void>(write_all(STDERR_FILENO, demo.agent_log()));
  return status;
}

}  // namespace

int run_demo(const DemoOptions& options) {
  Result<int> status = try_demo(options);
  if (status) return *status;
  return fail(kExitFailed, "demo: " + status.error().text());
}

}  // namespace tailrace
