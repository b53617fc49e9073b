#include "agent/commands/status.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "agent/console.h"
#include "agent/exit_status.h"
#include "agent/http_client.h"
#include "agent/state_dir.h"
#include "agent/text_table.h"
#include "agent/token_file.h"
#include "base/printable.h"
#include "base/secrets.h"
#include "config/loader.h"

namespace tailrace {

namespace {

using Json = nlohmann::json;

constexpr Duration kPatience = std::chrono::seconds(10);
constexpr Duration kWatchEvery = std::chrono::seconds(2);
constexpr const char* kClearScreen = "\033[H\033[2J";

struct Agent {
  HttpTarget target;
  std::string token;
};

// Where the agent of this config serves. On failure the exit status, its line already written.
std::variant<Agent, int> agent_of_config(const std::string& path) {
  const Loaded loaded = load_config(path, Environment::of_process());
  hide_from_now_on(loaded.secrets);
  for (const ConfigError& error : loaded.errors) say(to_string(error));
  if (!loaded) return kExitConfig;
  if (loaded.config.http.listen.empty()) return fail(kExitFailed, "status: this config turns the HTTP server off");
  SystemFileSystem files;
  Result<std::string> address = read_http_address(files, loaded.config.agent.state_dir);
  if (!address) {
    // A read-only state_dir has none; a port that the config names is enough.
    if (loaded.config.http.listen.ends_with(":0"))
      return fail(kExitFailed, "status: no agent is running: " + address.error().text());
    address = loaded.config.http.listen;
  }
  Result<HttpTarget> target = HttpTarget::parse(*address);
  if (!target)
    return fail(kExitFailed, fmt::format("status: \"{}\" in http.addr: {}", *address, target.error().text()));
  Result<std::string> token = read_token(files, loaded.config.http.token_file);
  if (!token) return fail(kExitFailed, "status: http.token_file: " + token.error().text());
  return Agent{std::move(*target), std::move(*token)};
}

std::variant<Agent, int> find_agent(const StatusOptions& options) {
  if (options.url.empty()) return agent_of_config(options.config);
  Result<HttpTarget> target = HttpTarget::parse(options.url);
  if (!target) return fail(kExitUsage, fmt::format("status: --url {}: {}", options.url, target.error().text()));
  SystemFileSystem files;
  Result<std::string> token = read_token(files, options.token_file);
  if (!token) return fail(kExitFailed, "status: --token-file: " + token.error().text());
  return Agent{std::move(*target), std::move(*token)};
}

Result<std::string> ask(const Agent& agent) {
  Result<HttpAnswer> answer = http_get(agent.target, "/status.json", agent.token, kPatience);
  if (!answer) return std::move(answer).error();
  if (answer->status == 401)
    return Error(ErrorKind::refused, "it wants its token; use -c with the agent's config, or --token-file");
  if (answer->status != 200) return Error(ErrorKind::io, fmt::format("HTTP status {}", answer->status));
  return std::move(answer->body);
}

std::string stage_bytes(const Json& tailer, const char* stage) {
  return human_bytes(tailer.at("lag").at(stage).at("bytes").get<std::uint64_t>());
}

std::string tailers_text(const Json& status) {
  TextTable table({"TAILER", "SINK", "OPEN", "IDLE", "FINISHED", "PARKED", "TO READ", "TO ACK", "TO SYNC", "OLDEST"},
                  {false, false, true, true, true, true, true, true, true, true});
  for (const Json& t : status.at("tailers")) {
    const Json& files = t.at("files");
    table.add({t.at("name"), t.at("sink"), files.at("open").dump(), files.at("idle").dump(),
               files.at("finished").dump(), files.at("parked").dump(), stage_bytes(t, "read"), stage_bytes(t, "acked"),
               stage_bytes(t, "durable"), human_seconds(t.at("lag").at("acked").at("seconds").get<double>())});
  }
  return table.text();
}

std::string sinks_text(const Json& status) {
  TextTable table({"SINK", "TYPE", "STATE", "MEMORY", "IN FLIGHT"}, {false, false, false, true, true});
  std::string stuck;
  for (const Json& s : status.at("sinks")) {
    const std::string name = s.at("name");
    table.add({name, s.at("type"), s.at("up").get<bool>() ? "up" : "down: " + s.at("reason").get<std::string>(),
               fmt::format("{} of {}", human_bytes(s.at("buffer_bytes").get<std::uint64_t>()),
                           human_bytes(s.at("buffer_limit_bytes").get<std::uint64_t>())),
               s.at("inflight_records").dump()});
    for (const Json& lane : s.at("stuck")) {
      stuck += printable(fmt::format("stuck: {} {}/{}: {}", name, lane.at("topic").get<std::string>(),
                                     lane.at("partition").get<int>(), lane.at("reason").get<std::string>())) +
               "\n";
    }
  }
  return table.text() + stuck;
}

std::string files_text(const Json& status) {
  TextTable table({"FILE", "TAILER", "SIZE", "READ", "ACKED", "DURABLE", "STATE"},
                  {false, false, true, true, true, true, false});
  for (const Json& t : status.at("tailers")) {
    for (const Json& f : t.at("files_lagging")) {
      const std::string reason = f.at("reason");
      table.add({f.at("path"), t.at("name"), f.at("size").dump(), f.at("read").dump(), f.at("acked").dump(),
                 f.at("durable").dump(), f.at("state").get<std::string>() + (reason.empty() ? "" : ": " + reason)});
    }
  }
  return table.is_empty() ? "no file lags\n" : table.text();
}

}  // namespace

std::string status_table(const std::string& json) {
  try {
    const Json status = Json::parse(json);
    const Json& agent = status.at("agent");
    const Json& checkpoint = status.at("checkpoint");
    const std::string head =
        fmt::format("{}: tailrace {}, engine {}, pid {}, up {}; checkpoints: fsync {}, unsynced for {}, {} errors",
                    agent.at("name").get<std::string>(), agent.at("version").get<std::string>(),
                    agent.at("engine").get<std::string>(), agent.at("pid").get<int>(),
                    human_seconds(agent.at("uptime_seconds").get<double>()), checkpoint.at("fsync").get<std::string>(),
                    human_seconds(checkpoint.at("unsynced_seconds").get<double>()), checkpoint.at("errors").dump());
    return printable(head) + "\n\n" + tailers_text(status) + "\n" + sinks_text(status) + "\n" + files_text(status);
  } catch (const std::exception&) {
    return "";
  }
}

int run_status(const StatusOptions& options) {
  while (true) {
    // Looked up again each time: a restarted agent may have another port.
    const std::variant<Agent, int> found = find_agent(options);
    if (const int* exit_status = std::get_if<int>(&found)) return *exit_status;
    const Agent& agent = std::get<Agent>(found);
    const Result<std::string> body = ask(agent);
    if (!body) {
      return fail(kExitFailed, fmt::format("status: no answer from {}:{}: {}", agent.target.host, agent.target.port,
                                           body.error().text()));
    }
    const std::string text = options.json ? *body : status_table(*body);
    if (text.empty()) return fail(kExitFailed, "status: the answer is not that of a tailrace of this version");
    const int printed = print_or_fail((options.watch && !options.json ? kClearScreen : "") + text);
    if (!options.watch || printed != kExitDone) return printed;
    std::this_thread::sleep_for(kWatchEvery);
  }
}

}  // namespace tailrace
