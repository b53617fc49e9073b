#include "agent/commands/check.h"

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <vector>

#include "agent/exit_status.h"
#include "agent/memory_bound.h"
#include "agent/preflight.h"
#include "agent/state_dir.h"
#include "config/effective.h"
#include "config/loader.h"
#include "config/manual.h"
#include "sinks/check_connect.h"

namespace tailrace {

namespace {

constexpr Duration kPatience = std::chrono::seconds(5);  // a broker

// Every sink is tried, whatever the others answer.
int connect_all(const Config& config) {
  int exit_status = kExitDone;
  for (const SinkConfig& sink : config.sinks) {
    std::vector<std::string> found;
    const Status reached = check_connect(sink, config, kPatience, found);
    for (const std::string& line : found) fmt::print(stderr, "tailrace: {}\n", line);
    if (reached) continue;
    fmt::print(stderr, "tailrace: {}\n", reached.error().text());
    exit_status = kExitFailed;
  }
  return exit_status;
}

}  // namespace

int run_check(const CheckOptions& options) {
  if (options.schema) {
    fmt::print("{}", schema_json());
    return kExitDone;
  }
  const Loaded loaded = load_config(options.config, Environment::of_process());
  for (const ConfigError& error : loaded.errors) fmt::print(stderr, "{}\n", to_string(error));
  for (const ConfigError& warning : loaded.warnings) fmt::print(stderr, "{}\n", to_string(warning));
  if (!loaded) return kExitConfig;
  std::vector<ConfigError> refused = preflight(loaded);
  SystemFileSystem files;
  if (Status state = check_state_dir(files, loaded.config.agent.state_dir); !state) {
    refused.push_back(
        loaded.places.error("agent.state_dir", "agent.state_dir: " + state.error().text(), kStateDirRemedy));
  }
  for (const ConfigError& error : refused) fmt::print(stderr, "{}\n", to_string(error));
  if (!refused.empty()) return kExitConfig;
  if (const auto warning = memory_warning(loaded.config, cgroup_memory_max())) {
    fmt::print(stderr, "tailrace: {}\n", *warning);
  }
  fmt::print("{}", effective_toml(loaded));
  std::fflush(stdout);
  return options.connect ? connect_all(loaded.config) : kExitDone;
}

}  // namespace tailrace
