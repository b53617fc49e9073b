// MockCluster: librdkafka's brokers in this process, and a consumer that reads a topic back.
#pragma once

#include <gtest/gtest.h>
// The mock's header needs librdkafka's before it.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tailrace {

class MockCluster {
 public:
  explicit MockCluster(int brokers) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
    cluster_ = rd_kafka_mock_cluster_new(handle_, brokers);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  rd_kafka_mock_cluster_t* get() { return cluster_; }
  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  void create_topic(const std::string& name, int partitions) {
    EXPECT_EQ(rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  // A partition's records in order, until `is_all` of them or 60 s have passed.
  std::vector<std::string> read(const std::string& topic, std::int32_t partition, std::size_t count) {
    return read_until(topic, partition,
                      [count](const std::vector<std::string>& records) { return records.size() >= count; });
  }
  template <class IsAll>
  std::vector<std::string> read_until(const std::string& topic, std::int32_t partition, IsAll is_all) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers().c_str(), nullptr, 0);
    rd_kafka_conf_set(conf, "group.id", "reader", nullptr, 0);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "50", nullptr, 0);
    rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0);
    rd_kafka_topic_partition_list_t* wanted = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(wanted, topic.c_str(), partition)->offset = 0;
    rd_kafka_assign(consumer, wanted);
    rd_kafka_poll_set_consumer(consumer);
    std::vector<std::string> records;
    const Instant end = SystemClock().now() + std::chrono::seconds(60);
    while (!is_all(records) && SystemClock().now() < end) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 100);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        records.emplace_back(static_cast<const char*>(message->payload), message->len);
      rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(wanted);
    rd_kafka_destroy(consumer);
    return records;
  }

 private:
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace tailrace
