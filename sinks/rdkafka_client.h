// RdKafkaClient: the KafkaClient of real brokers, over one librdkafka producer.
#pragma once

#include <memory>

#include "sinks/kafka_client.h"

namespace tailrace {

// Makes the producer; does not wait for a broker. Errors: bad_input (a property that librdkafka does not take),
// io (no thread could be started).
Result<std::unique_ptr<KafkaClient>> make_rdkafka_client(const SinkConfig& config, const KafkaClientOptions& options);

std::string rdkafka_version();  // "2.0.2"

}  // namespace tailrace
