// What a client asks the brokers, and waits for, on a thread of its own: a topic's partitions, or whether one answers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "sinks/kafka_client.h"

struct rd_kafka_s;

namespace tailrace {

struct RdKafkaAnswer {
  TopicAnswer answer;
  std::map<std::int32_t, std::string> addresses = {};  // of the brokers, by id: "HOST:PORT"
};

// Blocks up to `timeout`. `unknown topic` and the like are answers; a local failure is none. Where no broker is
// connected it ends soon after `is_given_up` turns true: whoever stops need not wait for who is not there.
RdKafkaAnswer rdkafka_ask(rd_kafka_s* handle, const std::string& topic, Duration timeout,
                          const std::function<bool()>& is_given_up);

}  // namespace tailrace
