#include "config/librdkafka_properties.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <memory>

#include "config/suggest.h"

namespace tailrace {
namespace {

struct Setter {
  std::string_view property;
  std::string_view key;
};

// Aliases included: librdkafka takes either name. Names that end in * cover all that begin so.
constexpr std::array kSetByTailrace = {
    Setter{"bootstrap.servers", "brokers"},
    Setter{"metadata.broker.list", "brokers"},
    Setter{"client.id", "agent.name"},
    Setter{"acks", "acks"},
    Setter{"request.required.acks", "acks"},
    Setter{"enable.idempotence", "idempotence"},
    Setter{"max.in.flight", "idempotence"},
    Setter{"max.in.flight.requests.per.connection", "idempotence"},
    Setter{"compression.codec", "compression"},
    Setter{"compression.type", "compression"},
    Setter{"compression.level", "compression_level"},
    Setter{"linger.ms", "linger"},
    Setter{"queue.buffering.max.ms", "linger"},
    Setter{"queue.buffering.max.kbytes", "memory"},
    Setter{"queue.buffering.max.messages", "memory"},
    Setter{"queue.buffering.*", "memory"},
    Setter{"transactional.id", "delivery"},
    Setter{"transaction.timeout.ms", "transaction_timeout"},
    Setter{"security.protocol", "tls and sasl"},
    Setter{"partitioner", "partition"},
    Setter{"message.timeout.ms", ""},
    Setter{"delivery.timeout.ms", ""},
    Setter{"message.send.max.retries", ""},
    Setter{"retries", ""},
    Setter{"enable.gapless.guarantee", ""},
    Setter{"delivery.report.only.error", ""},
    Setter{"message.max.bytes", ""},
    Setter{"batch.size", ""},
    Setter{"batch.num.messages", ""},
    Setter{"statistics.interval.ms", ""},
    Setter{"enabled_events", ""},
    Setter{"produce.offset.report", ""},
    Setter{"opaque", ""},
    Setter{"msg_order_cmp", ""},
    Setter{"queuing.strategy", ""},
    Setter{"*_cb", ""},
};

constexpr std::array kSecurity = {
    Setter{"ssl.ca.location", "tls.ca"},
    Setter{"ssl.ca.pem", "tls.ca"},
    Setter{"ssl.certificate.location", "tls.cert"},
    Setter{"ssl.certificate.pem", "tls.cert"},
    Setter{"ssl.key.location", "tls.key"},
    Setter{"ssl.key.pem", "tls.key"},
    Setter{"ssl.key.password", "tls.key_password"},
    Setter{"enable.ssl.certificate.verification", "tls.verify"},
    Setter{"sasl.mechanism", "sasl.mechanism"},
    Setter{"sasl.mechanisms", "sasl.mechanism"},
    Setter{"sasl.username", "sasl.username"},
    Setter{"sasl.password", "sasl.password"},
};

// Shared objects by their path; OpenSSL's engines and providers, which are shared objects too, by path or name.
constexpr std::array<std::string_view, 4> kLoadCode = {"plugin.library.paths", "ssl.engine.location", "ssl.engine.id",
                                                       "ssl.providers"};

bool covers(std::string_view pattern, std::string_view property) {
  if (pattern.starts_with('*')) return property.ends_with(pattern.substr(1));
  if (pattern.ends_with('*')) return property.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == property;
}

struct DestroyConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, DestroyConf>;

std::vector<std::string> known_properties(const Conf& conf) {
  std::size_t count = 0;
  const char** dump = rd_kafka_conf_dump(conf.get(), &count);
  std::vector<std::string> names;
  for (std::size_t i = 0; i + 1 < count; i += 2) {
    if (!set_by_tailrace(dump[i]) && !loads_code(dump[i])) names.emplace_back(dump[i]);
  }
  rd_kafka_conf_dump_free(dump, count);
  return names;
}

}  // namespace

std::optional<RefusedProperty> set_by_tailrace(std::string_view property) {
  for (const Setter& setter : kSetByTailrace) {
    if (covers(setter.property, property)) return RefusedProperty{std::string(setter.key)};
  }
  return std::nullopt;
}

bool loads_code(std::string_view property) {
  return std::find(kLoadCode.begin(), kLoadCode.end(), property) != kLoadCode.end();
}

std::string_view security_key_of(std::string_view property) {
  for (const Setter& setter : kSecurity) {
    if (setter.property == property) return setter.key;
  }
  return "";
}

std::optional<PropertyFault> check_property(const std::string& name, const std::string& value, bool show_value) {
  const Conf conf(rd_kafka_conf_new());
  std::array<char, 512> text{};
  switch (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size())) {
    case RD_KAFKA_CONF_OK:
      return std::nullopt;
    case RD_KAFKA_CONF_UNKNOWN:
      return PropertyFault{true,
                           {"is no librdkafka property", remedy_for_unknown(name, known_properties(conf), "property")}};
    case RD_KAFKA_CONF_INVALID:
      break;
  }
  return PropertyFault{
      false,
      {show_value ? fmt::format("is refused by librdkafka: {}", text.data()) : "is refused by librdkafka",
       "correct it"}};
}

bool librdkafka_has(std::string_view feature) {
  const Conf conf(rd_kafka_conf_new());
  std::array<char, 1024> features{};
  std::size_t bytes = features.size();
  if (rd_kafka_conf_get(conf.get(), "builtin.features", features.data(), &bytes) != RD_KAFKA_CONF_OK) return false;
  std::string list = "," + std::string(features.data()) + ",";
  list.erase(std::remove(list.begin(), list.end(), ' '), list.end());
  return list.find("," + std::string(feature) + ",") != std::string::npos;
}

}  // namespace tailrace
