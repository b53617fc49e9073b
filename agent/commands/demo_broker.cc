#include "agent/commands/demo_broker.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tailrace {
namespace {

constexpr int kEndsTimeoutMs = 5'000;
constexpr std::size_t kRecordsAtOnce = 1'000;

void ignore_log(const rd_kafka_t*, int, const char*, const char*) {}

Result<rd_kafka_t*> new_client(rd_kafka_type_t type,
                               std::initializer_list<std::pair<const char*, const char*>> properties) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  rd_kafka_conf_set_log_cb(conf, ignore_log);
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name, value, why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      rd_kafka_conf_destroy(conf);
      return Error(ErrorKind::bad_input, fmt::format("librdkafka: {}", why.data()));
    }
  }
  rd_kafka_t* client = rd_kafka_new(type, conf, why.data(), why.size());
  if (client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Error(ErrorKind::unsupported, fmt::format("librdkafka: {}", why.data()));
  }
  return client;
}

Error kafka_error(rd_kafka_resp_err_t code, std::string_view verb) {
  return Error(ErrorKind::io, fmt::format("embedded broker: {}: {}", verb, rd_kafka_err2str(code)));
}

}  // namespace

struct DemoBroker::Handles {
  rd_kafka_t* owner = nullptr;  // the mock cluster lives on its threads
  rd_kafka_mock_cluster_t* cluster = nullptr;
  rd_kafka_t* consumer = nullptr;
  rd_kafka_queue_t* queue = nullptr;
  std::vector<std::string> topics;
  std::vector<std::int64_t> next;  // offset of the next record, by topic

  ~Handles() {
    if (queue != nullptr) rd_kafka_queue_destroy(queue);
    if (consumer != nullptr) {
      rd_kafka_consumer_close(consumer);
      rd_kafka_destroy(consumer);
    }
    if (cluster != nullptr) rd_kafka_mock_cluster_destroy(cluster);
    if (owner != nullptr) rd_kafka_destroy(owner);
  }

  Status assign() {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(static_cast<int>(topics.size()));
    for (const std::string& topic : topics) rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = 0;
    const rd_kafka_resp_err_t code = rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "assign");
    return {};
  }

  // Takes one message of the queue: a record, or an error that may matter.
  Status take(const rd_kafka_message_t& message, const OnRecord& on_record) {
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      return Error(ErrorKind::not_found, "embedded broker: records were dropped before they were read");
    }
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return {};  // transport and the like: librdkafka goes on by itself
    const std::string_view name = rd_kafka_topic_name(message.rkt);
    const auto topic = static_cast<std::size_t>(std::find(topics.begin(), topics.end(), name) - topics.begin());
    TR_ASSERT(topic < topics.size(), "a record of topic {}, which was not asked for", name);
    if (message.offset != next[topic]) {
      return Error(ErrorKind::not_found, fmt::format("embedded broker: {}: offset {} came where {} was due", name,
                                                     message.offset, next[topic]));
    }
    next[topic] = message.offset + 1;
    on_record(topic, {static_cast<const char*>(message.payload), message.len});
    return {};
  }
};

DemoBroker::DemoBroker() : handles_(std::make_unique<Handles>()) {}
DemoBroker::~DemoBroker() = default;

Result<std::unique_ptr<DemoBroker>> DemoBroker::start(const std::vector<std::string>& topics) {
  std::unique_ptr<DemoBroker> broker(new DemoBroker);
  Handles& handles = *broker->handles_;
  Result<rd_kafka_t*> owner = new_client(RD_KAFKA_PRODUCER, {{"client.id", "tailrace-demo-broker"}});
  if (!owner) return std::move(owner).error();
  handles.owner = *owner;
  handles.cluster = rd_kafka_mock_cluster_new(handles.owner, 1);
  if (handles.cluster == nullptr) return Error(ErrorKind::unsupported, "embedded broker: it does not start");
  broker->bootstrap_servers_ = rd_kafka_mock_cluster_bootstraps(handles.cluster);
  for (const std::string& topic : topics) {
    const rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(handles.cluster, topic.c_str(), 1, 1);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "create topic");
  }
  handles.topics = topics;
  handles.next.assign(topics.size(), 0);
  Result<rd_kafka_t*> consumer =
      new_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", broker->bootstrap_servers_.c_str()},
                                     {"group.id", "tailrace-demo"},
                                     {"client.id", "tailrace-demo-reader"},
                                     {"enable.auto.commit", "false"},
                                     {"auto.offset.reset", "error"},
                                     {"fetch.wait.max.ms", "10"},
                                     {"check.crcs", "true"}});
  if (!consumer) return std::move(consumer).error();
  handles.consumer = *consumer;
  rd_kafka_poll_set_consumer(handles.consumer);
  handles.queue = rd_kafka_queue_get_consumer(handles.consumer);
  Status assigned = handles.assign();
  if (!assigned) return std::move(assigned).error();
  return broker;
}

Result<std::size_t> DemoBroker::read(Duration wait, const OnRecord& on_record) {
  std::array<rd_kafka_message_t*, kRecordsAtOnce> messages{};
  const auto wait_ms = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
  const ssize_t count = rd_kafka_consume_batch_queue(handles_->queue, wait_ms, messages.data(), messages.size());
  if (count < 0) return kafka_error(rd_kafka_last_error(), "read");
  Status status;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (status) status = handles_->take(*messages[i], on_record);
    rd_kafka_message_destroy(messages[i]);
  }
  if (!status) return std::move(status).error();
  return static_cast<std::size_t>(count);
}

Status DemoBroker::read_to_ends(const OnRecord& on_record) {
  for (std::size_t topic = 0; topic < handles_->topics.size(); ++topic) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        handles_->consumer, handles_->topics[topic].c_str(), 0, &low, &high, kEndsTimeoutMs);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "ask for its ends");
    int empty_reads = 0;
    while (handles_->next[topic] < high) {
      Result<std::size_t> count = read(std::chrono::milliseconds(100), on_record);
      if (!count) return std::move(count).error();
      empty_reads = *count == 0 ? empty_reads + 1 : 0;
      if (empty_reads > 100) return Error(ErrorKind::again, "embedded broker: it holds records and hands out none");
    }
  }
  return {};
}

}  // namespace tailrace
