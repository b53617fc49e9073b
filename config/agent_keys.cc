// The keys of [agent], [checkpoint] and [http].
#include <array>

#include "config/keys.h"
#include "config/network_address.h"

namespace tailrace {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

std::optional<Fault> check_not_empty(std::string_view text) {
  if (!text.empty()) return std::nullopt;
  return Fault{"is empty", "give it a value, or remove it for the default"};
}

std::optional<Fault> check_listen(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::optional<NetworkAddress> address = parse_address(text);
  if (address && address->port) return std::nullopt;
  return Fault{"is not HOST:PORT", R"(write it like "127.0.0.1:9727", or "" for no server)"};
}

const std::array kKeys = {
    KeySpec{.table = KeyTable::agent,
            .name = "name",
            .type = KeyType::text,
            .fallback = R"("${HOSTNAME}")",
            .sentence = "Identifies the agent in records and transactions. The default is the host's name.",
            .check = check_not_empty,
            .set = [](const Target& to, const Value& v) { to.config->agent.name = v.text; }},
    KeySpec{.table = KeyTable::agent,
            .name = "state_dir",
            .type = KeyType::text,
            .fallback = R"("/var/lib/tailrace")",
            .sentence = "Directory of checkpoints, rejected records, and the lock that keeps a second agent out.",
            .check = check_not_empty,
            .set = [](const Target& to, const Value& v) { to.config->agent.state_dir = v.text; }},
    KeySpec{
        .table = KeyTable::agent,
        .name = "engine",
        .type = KeyType::choice,
        .fallback = R"("auto")",
        .choices = "auto io_uring threads sync",
        .sentence = "How files are read and fsynced. auto takes the best one that the kernel allows.",
        .set = [](const Target& to, const Value& v) { to.config->agent.engine = static_cast<EngineChoice>(v.number); }},
    KeySpec{.table = KeyTable::agent,
            .name = "shutdown",
            .type = KeyType::choice,
            .fallback = R"("drain")",
            .choices = "drain flush",
            .sentence = "What SIGTERM does: drain reads on to the ends that the files have, flush stops reading at "
                        "once. Both wait for the acknowledgements.",
            .set = [](const Target& to,
                      const Value& v) { to.config->agent.shutdown = static_cast<ShutdownMode>(v.number); }},
    KeySpec{
        .table = KeyTable::agent,
        .name = "shutdown_timeout",
        .type = KeyType::duration,
        .fallback = R"("25s")",
        .most = 24 * kHourMs,
        .sentence = "The longest that stopping may take. What is left is shipped at the next start.",
        .set = [](const Target& to, const Value& v) { to.config->agent.shutdown_timeout = Milliseconds(v.number); }},
    KeySpec{.table = KeyTable::agent,
            .name = "max_open_files",
            .type = KeyType::integer,
            .fallback = "0",
            .most = 1'000'000'000,
            .sentence = "Descriptors that the agent may hold. 0 is 80 % of RLIMIT_NOFILE, which is raised to its hard "
                        "limit.",
            .set = [](const Target& to,
                      const Value& v) { to.config->agent.max_open_files = static_cast<std::uint64_t>(v.number); }},
    KeySpec{
        .table = KeyTable::agent,
        .name = "log_level",
        .type = KeyType::choice,
        .fallback = R"("info")",
        .choices = "trace debug info warn error",
        .sentence = "The least severe lines that the agent's own log has.",
        .set = [](const Target& to, const Value& v) { to.config->agent.log_level = static_cast<LogLevel>(v.number); }},
    KeySpec{.table = KeyTable::agent,
            .name = "log_format",
            .type = KeyType::choice,
            .fallback = R"("text")",
            .choices = "text json",
            .sentence = "How the agent's own log is written.",
            .set = [](const Target& to,
                      const Value& v) { to.config->agent.log_format = static_cast<LogFormat>(v.number); }},

    KeySpec{.table = KeyTable::checkpoint,
            .name = "fsync",
            .type = KeyType::choice,
            .fallback = R"("async")",
            .choices = "sync async off",
            .sentence = "When a checkpoint counts: sync after its fsync, async written at once and fsynced in the "
                        "background, off when the kernel writes it back.",
            .set = [](const Target& to,
                      const Value& v) { to.config->checkpoint.fsync = static_cast<FsyncMode>(v.number); }},
    KeySpec{.table = KeyTable::checkpoint,
            .name = "interval",
            .type = KeyType::duration,
            .fallback = R"("1s")",
            .least = 1,
            .most = kHourMs,
            .sentence = "Under async: the longest that acknowledged progress waits for its fsync to begin.",
            .set = [](const Target& to, const Value& v) { to.config->checkpoint.interval = Milliseconds(v.number); }},
    KeySpec{
        .table = KeyTable::checkpoint,
        .name = "forget_after",
        .type = KeyType::duration,
        .fallback = R"("72h")",
        .least = 1000,
        .most = 10 * 365 * 24 * kHourMs,
        .sentence = "How long the checkpoint of a file that is gone is kept. It is never forgotten while the "
                    "file's directory cannot be listed.",
        .set = [](const Target& to, const Value& v) { to.config->checkpoint.forget_after = Milliseconds(v.number); }},

    KeySpec{.table = KeyTable::http,
            .name = "listen",
            .type = KeyType::text,
            .fallback = R"("127.0.0.1:9727")",
            .sentence = "Address of /metrics, /healthz, /readyz and /status.json. Port 0 picks a free one; "
                        "state_dir/http.addr says which. An empty string turns the server off.",
            .check = check_listen,
            .set = [](const Target& to, const Value& v) { to.config->http.listen = v.text; }},
    KeySpec{.table = KeyTable::http,
            .name = "token_file",
            .type = KeyType::text,
            .fallback = R"("")",
            .sentence = "File that holds a bearer token. When set, every path but /healthz and /readyz wants it.",
            .set = [](const Target& to, const Value& v) { to.config->http.token_file = v.text; }},
};

}  // namespace

std::span<const KeySpec> agent_keys() { return kKeys; }

}  // namespace tailrace
