// What brokers tell of their settings and their topics' (KIP-133).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_op_s;

namespace tailrace {

struct RdKafkaSettings {
  std::string name;  // of the topic, the broker's id
  std::map<std::string, std::string> values;
};
enum class RdKafkaResource : std::uint8_t { topic, broker };

// Asks, without waiting; the answer comes to `queue` as an event.
void rdkafka_ask_settings(rd_kafka_s* handle, RdKafkaResource kind, const std::string& name, Duration timeout,
                          rd_kafka_queue_s* queue);
// again: nobody answered; refused: not permitted, or too old to know the question.
Result<RdKafkaSettings> rdkafka_read_settings(rd_kafka_op_s* event);

// Waits: for `check`. Of a topic, or of the broker with that id, which is asked itself. again: nobody answered within
// twice `timeout`; refused: not permitted.
Result<RdKafkaSettings> rdkafka_describe(rd_kafka_s* handle, RdKafkaResource kind, const std::string& name,
                                         Duration timeout);
// Nothing where it is not there or no number.
std::optional<std::uint64_t> rdkafka_number(const std::map<std::string, std::string>& values, const std::string& name);

}  // namespace tailrace
