#include "sinks/rdkafka_handle.h"

#include <librdkafka/rdkafka.h>

#include <cctype>
#include <cerrno>
#include <cstddef>

#include "base/signals_blocked.h"

namespace tailrace {
namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

const char* acks_text(Acks acks) {
  switch (acks) {
    case Acks::all:
      return "all";
    case Acks::leader:
      return "1";
    case Acks::none:
      return "0";
  }
  return "all";
}

}  // namespace

void RdKafkaDeleter::operator()(rd_kafka_s* handle) const { rd_kafka_destroy(handle); }
void RdKafkaDeleter::operator()(rd_kafka_conf_s* conf) const { rd_kafka_conf_destroy(conf); }
void RdKafkaDeleter::operator()(rd_kafka_topic_s* topic) const { rd_kafka_topic_destroy(topic); }
void RdKafkaDeleter::operator()(rd_kafka_queue_s* queue) const { rd_kafka_queue_destroy(queue); }
void RdKafkaDeleter::operator()(rd_kafka_op_s* event) const { rd_kafka_event_destroy(event); }
void RdKafkaDeleter::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}
void RdKafkaDeleter::operator()(const struct rd_kafka_metadata* metadata) const { rd_kafka_metadata_destroy(metadata); }

std::vector<std::pair<std::string, std::string>> rdkafka_properties(const SinkConfig& config,
                                                                    const KafkaClientOptions& options) {
  std::vector<std::pair<std::string, std::string>> properties = {
      {"bootstrap.servers", join(config.brokers)},
      {"client.id", options.client_id},
      {"enable.idempotence", config.idempotence ? "true" : "false"},
      {"acks", acks_text(config.acks)},
      // Five keep their order under idempotence; without it only one does.
      {"max.in.flight.requests.per.connection", config.idempotence ? "5" : "1"},
      {"message.timeout.ms", "0"},  // never given up: the files are the buffer
      // Ours is the count that bounds; these must not come before it.
      {"queue.buffering.max.messages", "2147483647"},
      {"queue.buffering.max.kbytes", "2147483647"},
      {"linger.ms", "0"},  // what is handed over is one request in any case
      {"batch.size", std::to_string(kRequestBytesMax)},
      {"batch.num.messages", "1000000"},
      {"message.max.bytes", std::to_string(options.record_bytes_max)},
      {"compression.codec", config.compression},
      {"socket.nagle.disable", "true"},
      {"log.queue", "true"},
      {"statistics.interval.ms", "10000"},
      {"reconnect.backoff.max.ms", "2000"},  // a broker that is back should not wait ten seconds for us
  };
  if (config.compression != "none" && config.compression != "snappy")
    properties.emplace_back("compression.level", std::to_string(config.compression_level));
  properties.insert(properties.end(), config.librdkafka.begin(), config.librdkafka.end());
  return properties;
}

Result<RdKafkaPtr<rd_kafka_conf_s>> make_rdkafka_conf(const SinkConfig& config, const KafkaClientOptions& options) {
  RdKafkaPtr<rd_kafka_conf_s> conf(rd_kafka_conf_new());
  char text[512];
  for (const auto& [name, value] : rdkafka_properties(config, options)) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK)
      return Error(ErrorKind::bad_input, std::string("librdkafka: ") + name + ": " + text);
  }
  return conf;
}

Result<RdKafkaPtr<rd_kafka_s>> make_rdkafka_producer(RdKafkaPtr<rd_kafka_conf_s> conf, bool has_interceptors) {
  char text[512];
  const SignalsBlocked blocked;  // librdkafka's threads inherit the mask
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), text, sizeof text);
  if (handle == nullptr) {
    const bool is_config = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__INVALID_ARG || errno == EINVAL;
    // A refused configuration's interceptors are freed by rd_kafka_new, and would be again with it: it is kept instead.
    static auto& kept = *new std::vector<rd_kafka_conf_t*>;  // never destroyed: nothing of it is a leak
    if (has_interceptors) kept.push_back(conf.release());
    return Error(is_config ? ErrorKind::bad_input : ErrorKind::io, std::string("librdkafka: ") + text);
  }
  static_cast<void>(conf.release());  // belongs to the handle now
  return RdKafkaPtr<rd_kafka_s>(handle);
}

// Of two settings of a property the last one counts.
SinkConfig without_commands(SinkConfig config) {
  config.librdkafka.emplace_back("sasl.kerberos.min.time.before.relogin", "0");
  return config;
}

Status try_rdkafka(const SinkConfig& config, const std::string& client_id) {
  SinkConfig alone = without_commands(config);
  alone.brokers.clear();
  Result<RdKafkaPtr<rd_kafka_conf_t>> conf = make_rdkafka_conf(alone, {.client_id = client_id, .wake = {}});
  if (!conf) return std::move(conf).error();
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  const Result<RdKafkaPtr<rd_kafka_t>> handle = make_rdkafka_producer(*std::move(conf), false);
  if (!handle) return Error(handle.error());
  return {};
}

RdKafkaMetadata rdkafka_metadata(rd_kafka_t* handle, const std::string& topic, Duration timeout) {
  RdKafkaPtr<rd_kafka_topic_t> named;
  if (!topic.empty()) named.reset(rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  if (!topic.empty() && !named) return {.error = RD_KAFKA_RESP_ERR__INVALID_ARG};
  const rd_kafka_metadata_t* raw = nullptr;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  const rd_kafka_resp_err_t error = rd_kafka_metadata(handle, 0, named.get(), &raw, static_cast<int>(milliseconds));
  return {.found = RdKafkaPtr<const rd_kafka_metadata_t>(raw), .error = error};
}

// Everything that is not known to be a refusal is given back: what is read again can be refused later, what is spooled
// wrongly stays out of Kafka.
KafkaFault fault_of(int error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return KafkaFault::none;
  if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
    return KafkaFault::request_too_large;
  if (error == RD_KAFKA_RESP_ERR_INVALID_MSG || error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
      error == RD_KAFKA_RESP_ERR_INVALID_RECORD || error == RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT)
    return KafkaFault::invalid;
  if (error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP) return KafkaFault::bad_timestamp;
  return KafkaFault::given_back;
}

std::string trouble_name(int error) {
  std::string name = rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error));
  while (!name.empty() && name.front() == '_') name.erase(0, 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace tailrace
