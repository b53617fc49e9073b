// KafkaSink: whether its brokers can be reached, and the secrets with which they are.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "sinks/kafka_sink.h"

namespace tailrace {
namespace {

std::string value_of(const SinkConfig& config, std::string_view property) {
  std::string value;
  for (const auto& [name, text] : config.librdkafka) {
    if (name == property) value = text;
  }
  return value;
}

}  // namespace

void KafkaSink::watch_brokers(Instant now, SinkEvents& events) {
  reach_.ask_due(client_.get(), now);
  const bool is_away = reach_.is_away(now);
  if (is_away != was_away_) {
    was_away_ = is_away;
    if (is_away) {
      log::warn("sink {}: {}", config_.name, why_away(now));
    } else {
      log::info("sink {}: a broker is reached again", config_.name);
    }
  }
  secrets_.look(config_, reach_.is_refused(), now);
  if (std::optional<Result<NewSecrets>> read = secrets_.take()) use_secrets(*std::move(read), now, events);
}

void KafkaSink::use_secrets(Result<NewSecrets> read, Instant now, SinkEvents& events) {
  if (!read) {
    note_trouble("secrets", read.error().text(), now);
    return;
  }
  // A client that is made later, for whatever reason, has them too.
  config_.librdkafka = std::move(read->librdkafka);
  if (!client_) return;
  if (read->needs_client) {
    replace_client(fmt::format("new secrets ({})", read->names), now, events);
    return;
  }
  log::info("sink {}: new secrets ({}) are used from now on", config_.name, read->names);
  client_->set_credentials(value_of(config_, "sasl.username"), value_of(config_, "sasl.password"));
}

std::string KafkaSink::why_away(Instant now) const {
  const std::string cause = reach_.cause(now);
  return "no broker can be reached" + (cause.empty() ? "" : ": " + cause);
}

}  // namespace tailrace
