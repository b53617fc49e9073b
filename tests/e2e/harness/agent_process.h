// AgentProcess: the real binary, started on a config of the test's, watched from outside.
//
// Its folder holds the config, what it wrote to stdout and stderr (over all its runs), and, unless the config says
// otherwise, its state_dir. When a test fails, the end of stderr is printed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/harness/agent_config.h"
#include "tests/e2e/harness/child_process.h"
#include "tests/e2e/harness/metrics_text.h"
#include "tests/e2e/harness/process_stats.h"
#include "tests/e2e/harness/temp_dir.h"

namespace tailrace::e2e {

class AgentProcess {
 public:
  // An empty state_dir becomes one in the agent's own folder.
  explicit AgentProcess(AgentConfig config);
  ~AgentProcess();
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  // For the next start.
  AgentConfig& config() { return config_; }
  void limit_open_files(rlim_t limit) { open_files_max_ = limit; }
  void use_binary(const std::string& path) { binary_ = path; }  // another build of the agent
  void run_as(uid_t user);  // needs root; the folder and a copy of the binary become readable to that user
  // Dies at the `count`-th time that it comes to this moment (base/crash_point.h), from the next start on.
  void crash_at(const std::string& moment, int count);
  void never_crash() { crash_.clear(); }

  // `run -c CONFIG` and `arguments`. The one before must have ended.
  void start(const std::vector<std::string>& arguments = {});
  // Starts, and waits until /readyz says yes. False when it ended or did not come that far.
  bool start_ready(Bound bound = std::chrono::seconds(60));
  // Starts with --once and waits for its end.
  std::optional<ExitStatus> run_once(Bound bound, const std::vector<std::string>& arguments = {});

  pid_t pid() const { return process_->pid(); }
  bool is_running() { return process_ && process_->is_running(); }
  void signal(int number) { process_->signal(number); }
  void kill9() { process_->kill9(); }
  std::optional<ExitStatus> wait_exit(Bound bound) { return process_->wait_exit(bound); }
  // SIGTERM, and its end.
  std::optional<ExitStatus> terminate(Bound bound = std::chrono::seconds(60));

  // Nothing while it does not answer.
  std::optional<std::string> get(const std::string& path);
  std::optional<int> get_status(const std::string& path, const std::string& method = "GET");
  std::optional<MetricsText> metrics();
  // One series now; nothing when it is not there or nobody answers.
  std::optional<double> metric(const std::string& name, const Labels& labels = {});
  nlohmann::json status();  // null while it does not answer
  // Until `condition(metrics)`.
  bool wait_metrics(const std::function<bool(const MetricsText&)>& condition, Bound bound);
  // Until everything that the files hold is acknowledged and durable: `bytes` read by this process, no lag left.
  bool wait_shipped(std::uint64_t bytes, Bound bound);

  std::optional<ProcessStats> stats() { return process_stats(process_->pid()); }
  std::string stdout_text() const;
  std::string stderr_text() const;
  std::string stdout_path() const { return dir_ / "stdout"; }
  std::string state_dir() const { return config_.state_dir; }
  std::string config_path() const { return dir_ / "tailrace.toml"; }
  const TempDir& dir() const { return dir_; }

 private:
  std::string address() const;

  TempDir dir_;
  AgentConfig config_;
  std::string crash_;
  std::string binary_;
  std::optional<rlim_t> open_files_max_;
  std::optional<uid_t> run_as_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace tailrace::e2e
