#include "agent/commands/check.h"

#include <string>
#include <vector>

#include "agent/console.h"
#include "agent/exit_status.h"
#include "agent/memory_bound.h"
#include "agent/preflight.h"
#include "agent/state_dir.h"
#include "base/secrets.h"
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
    for (const std::string& line : found) say("tailrace: " + line);
    if (reached) continue;
    exit_status = fail(kExitFailed, reached.error().text());
  }
  return exit_status;
}

}  // namespace

int run_check(const CheckOptions& options) {
  if (options.schema) return print_or_fail(schema_json());
  const Loaded loaded = load_config(options.config, Environment::of_process());
  hide_from_now_on(loaded.secrets);
  for (const ConfigError& error : loaded.errors) say(to_string(error));
  for (const ConfigError& warning : loaded.warnings) say(to_string(warning));
  if (!loaded) return kExitConfig;
  std::vector<ConfigError> refused = preflight(loaded);
  SystemFileSystem files;
  if (Status state = check_state_dir(files, loaded.config.agent.state_dir); !state) {
    refused.push_back(
        loaded.places.error("agent.state_dir", "agent.state_dir: " + state.error().text(), kStateDirRemedy));
  }
  for (const ConfigError& error : refused) say(to_string(error));
  if (!refused.empty()) return kExitConfig;
  if (const auto warning = memory_warning(loaded.config, cgroup_memory_max())) {
    say("tailrace: " + *warning);
  }
  const int printed = print_or_fail(effective_toml(loaded));
  return printed == kExitDone && options.connect ? connect_all(loaded.config) : printed;
}

}  // namespace tailrace
