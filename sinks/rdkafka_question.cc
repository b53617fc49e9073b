#include "sinks/rdkafka_question.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstddef>

#include "sinks/rdkafka_handle.h"

namespace tailrace {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds(250);

// Slice by slice while no broker is connected: nothing was sent then. What was sent has all the time that is left.
RdKafkaMetadata ask(rd_kafka_t* handle, const std::string& topic, Duration timeout,
                    const std::function<bool()>& is_given_up) {
  RdKafkaMetadata found;
  for (Duration left = timeout; left > Duration(0); left -= kSlice) {
    found = rdkafka_metadata(handle, topic, std::min(kSlice, left));
    if (found.error == RD_KAFKA_RESP_ERR__TIMED_OUT) return rdkafka_metadata(handle, topic, left);
    if (found.error != RD_KAFKA_RESP_ERR__TRANSPORT || is_given_up()) break;
  }
  return found;
}

void read_topic(const rd_kafka_metadata_topic_t& found, TopicAnswer& answer) {
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR || found.partition_cnt == 0) {
    answer.fault = KafkaFault::given_back;
    answer.name =
        trouble_name(found.err != RD_KAFKA_RESP_ERR_NO_ERROR ? found.err : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    answer.reason = found.err != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(found.err) : "it has no partitions yet";
    return;
  }
  answer.partitions = found.partition_cnt;
  answer.leaders.assign(static_cast<std::size_t>(found.partition_cnt), -1);
  for (int i = 0; i < found.partition_cnt; ++i) {
    const rd_kafka_metadata_partition_t& partition = found.partitions[i];
    if (partition.id >= 0 && partition.id < found.partition_cnt)
      answer.leaders[static_cast<std::size_t>(partition.id)] = partition.leader;
  }
}

}  // namespace

RdKafkaAnswer rdkafka_ask(rd_kafka_t* handle, const std::string& topic, Duration timeout,
                          const std::function<bool()>& is_given_up) {
  RdKafkaAnswer result{.answer = {.topic = topic}};
  TopicAnswer& answer = result.answer;
  const auto [metadata, error] = ask(handle, topic, timeout, is_given_up);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    answer.fault = KafkaFault::no_answer;
    answer.name = trouble_name(error);
    answer.reason = rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(error));
    return result;
  }
  for (int i = 0; i < metadata->broker_cnt; ++i) {
    const rd_kafka_metadata_broker_t& broker = metadata->brokers[i];
    result.addresses[broker.id] = std::string(broker.host) + ":" + std::to_string(broker.port);
  }
  if (topic.empty()) return result;
  if (metadata->topic_cnt > 0) {
    read_topic(metadata->topics[0], answer);
  } else {
    answer.fault = KafkaFault::given_back;
    answer.name = "unknown_topic";
    answer.reason = "the brokers do not name the topic";
  }
  return result;
}

}  // namespace tailrace
