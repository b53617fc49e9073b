#include "tests/e2e/harness/kafka_admin.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {
namespace {

constexpr int kTimeoutMs = 30'000;

template <auto Destroy>
struct Destroyer {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
template <class T, auto Destroy>
using Owned = std::unique_ptr<T, Destroyer<Destroy>>;

using Queue = Owned<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using KafkaEvent = Owned<rd_kafka_event_t, rd_kafka_event_destroy>;

[[noreturn]] void give_up(const std::string& verb, const std::string& topic, const char* reason) {
  std::fprintf(stderr, "%s topic %s: %s\n", verb.c_str(), topic.c_str(), reason);
  std::abort();
}

// Admin clients come and go with the broker; their complaints while it starts are no news.
void be_silent(const rd_kafka_t*, int, const char*, const char*) {}

void check(const std::string& verb, const std::string& topic, rd_kafka_event_t* event) {
  if (event == nullptr) give_up(verb, topic, "no answer");
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
    give_up(verb, topic, rd_kafka_event_error_string(event));
}

void check_result(const std::string& verb, const std::string& topic, const rd_kafka_topic_result_t* const* results,
                  std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* reason = rd_kafka_topic_result_error_string(results[i]);
      give_up(verb, topic, reason != nullptr ? reason : "refused");
    }
  }
}

}  // namespace

KafkaAdmin::KafkaAdmin(const std::string& bootstrap) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512] = "";
  rd_kafka_conf_set_log_cb(conf, be_silent);
  if (rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
    give_up("configure for", bootstrap, error);
  }
  client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client_ == nullptr) give_up("connect for", bootstrap, error);
}

KafkaAdmin::~KafkaAdmin() { rd_kafka_destroy(client_); }

bool KafkaAdmin::answers(std::chrono::milliseconds bound) {
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(client_, 0, nullptr, &metadata, static_cast<int>(bound.count())) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return false;
  }
  const bool has_broker = metadata->broker_cnt > 0;
  rd_kafka_metadata_destroy(metadata);
  return has_broker;
}

std::vector<int> KafkaAdmin::leaders(const std::string& name) {
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client_, name.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  const auto error = rd_kafka_metadata(client_, 0, topic, &metadata, 1000);
  rd_kafka_topic_destroy(topic);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  std::vector<int> found;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& told = metadata->topics[i];
    found.resize(static_cast<std::size_t>(told.partition_cnt), -1);
    for (int p = 0; p < told.partition_cnt; ++p)
      found.at(static_cast<std::size_t>(told.partitions[p].id)) = told.partitions[p].leader;
  }
  rd_kafka_metadata_destroy(metadata);
  return found;
}

void KafkaAdmin::create_topic(const std::string& name, int partitions, int replicas,
                              const std::map<std::string, std::string>& config) {
  char error[512] = "";
  const Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> topic(
      rd_kafka_NewTopic_new(name.c_str(), partitions, replicas, error, sizeof error));
  if (!topic) give_up("create", name, error);
  for (const auto& [key, value] : config) rd_kafka_NewTopic_set_config(topic.get(), key.c_str(), value.c_str());
  const Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy> options(
      rd_kafka_AdminOptions_new(client_, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), kTimeoutMs, error, sizeof error);
  const Queue queue(rd_kafka_queue_new(client_));
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(client_, topics, 1, options.get(), queue.get());
  const KafkaEvent event(rd_kafka_queue_poll(queue.get(), kTimeoutMs));
  check("create", name, event.get());
  std::size_t count = 0;
  const auto* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  check_result("create", name, const_cast<const rd_kafka_topic_result_t* const*>(results), count);
  const auto all_are_led = [&] {
    const std::vector<int> found = leaders(name);
    return found.size() == static_cast<std::size_t>(partitions) &&
           std::none_of(found.begin(), found.end(), [](int leader) { return leader < 0; });
  };
  if (!wait_until(all_are_led, std::chrono::seconds(30))) {
    give_up("create", name, "its partitions have no leader");
  }
}

void KafkaAdmin::delete_topic(const std::string& name) {
  const Owned<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy> topic(rd_kafka_DeleteTopic_new(name.c_str()));
  const Queue queue(rd_kafka_queue_new(client_));
  rd_kafka_DeleteTopic_t* topics[] = {topic.get()};
  rd_kafka_DeleteTopics(client_, topics, 1, nullptr, queue.get());
  // A broker that a failed test left dead takes its data along: no answer is fine, and not waited for.
  const KafkaEvent event(rd_kafka_queue_poll(queue.get(), 5'000));
}

}  // namespace tailrace::e2e
