#include "tests/e2e/harness/agent_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "tests/e2e/harness/http_client.h"
#include "tests/e2e/harness/text_file.h"

#if !defined(TAILRACE_BINARY) || !defined(TAILRACE_CRASHING_BINARY)
#error "TAILRACE_BINARY and TAILRACE_CRASHING_BINARY name the agent's two builds"
#endif

namespace tailrace::e2e {
namespace {

constexpr std::size_t kStderrShownBytes = 6000;

}  // namespace

AgentProcess::AgentProcess(AgentConfig config) : dir_("agent"), config_(std::move(config)) {
  if (config_.state_dir.empty()) config_.state_dir = dir_ / "state";
}

AgentProcess::~AgentProcess() {
  process_.reset();
  if (!::testing::Test::HasFailure()) return;
  const std::string text = stderr_text();
  const std::size_t begin = text.size() > kStderrShownBytes ? text.size() - kStderrShownBytes : 0;
  std::fprintf(stderr, "---- the end of the agent's stderr (%s) ----\n%s----\n", dir_.path().c_str(),
               text.c_str() + begin);
}

void AgentProcess::run_as(uid_t user) {
  run_as_ = user;
  binary_ = dir_ / "tailrace";
  std::filesystem::copy_file(TAILRACE_BINARY, binary_);
  for (const std::string& path : {dir_.path().string(), binary_}) {
    if (::chown(path.c_str(), user, static_cast<gid_t>(user)) != 0) std::perror(path.c_str());
  }
}

void AgentProcess::crash_at(const std::string& moment, int count) { crash_ = moment + ":" + std::to_string(count); }

void AgentProcess::start(const std::vector<std::string>& arguments) {
  write_text_file(config_path(), config_.toml());
  std::filesystem::remove(config_.state_dir + "/http.addr");  // of the run before
  ChildOptions options;
  const std::string standard = crash_.empty() ? TAILRACE_BINARY : TAILRACE_CRASHING_BINARY;
  options.argv = {binary_.empty() ? standard : binary_, "run", "-c", config_path()};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  if (!crash_.empty()) options.environment.emplace_back("TAILRACE_CRASH", crash_);
  options.stdout_path = stdout_path();
  options.stderr_path = dir_ / "stderr";
  options.open_files_max = open_files_max_;
  options.run_as = run_as_;
  process_ = std::make_unique<ChildProcess>(options);
}

bool AgentProcess::start_ready(Bound bound) {
  start();
  wait_until([this] { return !is_running() || get_status("/readyz") == 200; }, bound, std::chrono::milliseconds(2));
  return is_running() && get_status("/readyz") == 200;
}

std::optional<ExitStatus> AgentProcess::run_once(Bound bound, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"--once"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  start(all);
  return wait_exit(bound);
}

std::optional<ExitStatus> AgentProcess::terminate(Bound bound) {
  signal(SIGTERM);
  return wait_exit(bound);
}

std::string AgentProcess::address() const {
  std::string text = read_text_file(config_.state_dir + "/http.addr");
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::optional<std::string> AgentProcess::get(const std::string& path) {
  const std::string to = address();
  if (to.empty()) return std::nullopt;
  const auto response = http_get(to, path);
  if (!response || response->status != 200) return std::nullopt;
  return response->body;
}

std::optional<int> AgentProcess::get_status(const std::string& path, const std::string& method) {
  const std::string to = address();
  if (to.empty()) return std::nullopt;
  const auto response = http_get(to, path, method);
  if (!response) return std::nullopt;
  return response->status;
}

std::optional<MetricsText> AgentProcess::metrics() {
  const auto page = get("/metrics");
  if (!page) return std::nullopt;
  return MetricsText(*page);
}

std::optional<double> AgentProcess::metric(const std::string& name, const Labels& labels) {
  const auto now = metrics();
  return now ? now->find(name, labels) : std::nullopt;
}

nlohmann::json AgentProcess::status() {
  const auto page = get("/status.json");
  return page ? nlohmann::json::parse(*page, nullptr, false) : nlohmann::json();
}

bool AgentProcess::wait_metrics(const std::function<bool(const MetricsText&)>& condition, Bound bound) {
  bool holds = false;
  wait_until(
      [&] {
        const auto now = metrics();
        holds = now && condition(*now);
        return holds || !is_running();
      },
      bound, std::chrono::milliseconds(10));
  return holds;
}

bool AgentProcess::wait_shipped(std::uint64_t bytes, Bound bound) {
  return wait_metrics(
      [&](const MetricsText& now) {
        return now.sum("tailrace_acked_bytes_total") >= static_cast<double>(bytes) &&
               now.find("tailrace_lag_bytes", {{"stage", "durable"}}) == 0.0;
      },
      bound);
}

std::string AgentProcess::stdout_text() const { return read_text_file(stdout_path()); }
std::string AgentProcess::stderr_text() const { return read_text_file(dir_ / "stderr"); }

}  // namespace tailrace::e2e
