// RdKafkaPtr and friends: RAII over librdkafka's objects, and its properties out of a SinkConfig. Without its header:
// the types are only named.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "sinks/kafka_client.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_op_s;
struct rd_kafka_topic_partition_list_s;  // NOLINT(readability-identifier-naming): librdkafka named it
struct rd_kafka_metadata;                // NOLINT(readability-identifier-naming): librdkafka named it

namespace tailrace {

struct RdKafkaDeleter {
  void operator()(rd_kafka_s* handle) const;  // may block
  void operator()(rd_kafka_conf_s* conf) const;
  void operator()(rd_kafka_topic_s* topic) const;
  void operator()(rd_kafka_queue_s* queue) const;
  void operator()(rd_kafka_op_s* event) const;
  void operator()(rd_kafka_topic_partition_list_s* list) const;
  void operator()(const struct rd_kafka_metadata* metadata) const;
};
template <class T>
using RdKafkaPtr = std::unique_ptr<T, RdKafkaDeleter>;

// The properties that every client of this sink has, in the order in which they are set.
std::vector<std::pair<std::string, std::string>> rdkafka_properties(const SinkConfig& config,
                                                                    const KafkaClientOptions& options);
// bad_input names the property.
Result<RdKafkaPtr<rd_kafka_conf_s>> make_rdkafka_conf(const SinkConfig& config, const KafkaClientOptions& options);
// Takes `conf`. bad_input or io. Loop thread, where `has_interceptors`.
Result<RdKafkaPtr<rd_kafka_s>> make_rdkafka_producer(RdKafkaPtr<rd_kafka_conf_s> conf, bool has_interceptors);
// A client made of it executes nothing that the config names (kinit): for those who only look.
SinkConfig without_commands(SinkConfig config);
// Whether librdkafka takes the sink's properties together, and the files that they name; asks no broker.
Status try_rdkafka(const SinkConfig& config, const std::string& client_id);

// The brokers' names for a topic's metadata ("": of no topic); waits up to `timeout`. The named topic's own error is in
// it.
struct RdKafkaMetadata {
  RdKafkaPtr<const struct rd_kafka_metadata> found = nullptr;
  int error = 0;  // an rd_kafka_resp_err_t; 0: `found` is there
};
RdKafkaMetadata rdkafka_metadata(rd_kafka_s* handle, const std::string& topic, Duration timeout);

// Of an rd_kafka_resp_err_t.
KafkaFault fault_of(int error);
std::string trouble_name(int error);  // "_ALL_BROKERS_DOWN" -> "all_brokers_down"

}  // namespace tailrace
