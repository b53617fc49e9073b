// FakeKafka: brokers and clients that do what a test says, and nothing by themselves: no twin of Kafka. What it can do
// to a record: deliver it, refuse it, give it back, or stay silent; to a client: a fatal error, a spin. Records are
// read when they are delivered, not when they are produced: memory that was given back too early shows as wrong bytes
// (or under the address sanitizer).
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sinks/kafka_client.h"
#include "tests/sinks/kafka_events.h"

namespace tailrace {

struct FakeRecord {
  std::string topic;
  std::int32_t partition = -1;
  std::uint64_t token = 0;
  const std::byte* value = nullptr;
  std::uint32_t bytes = 0;
  std::string text() const { return {reinterpret_cast<const char*>(value), bytes}; }
};

class FakeKafka;

class FakeClient final : public KafkaClient {
 public:
  FakeClient(FakeKafka& kafka, KafkaClientOptions options) : kafka_(kafka), options_(std::move(options)) {}
  ~FakeClient() override;

  void produce(const std::string& topic, std::int32_t partition, std::vector<KafkaRecord> records) override {
    requests.push_back(records.size());
    for (const KafkaRecord& record : records)
      outstanding.push_back({.topic = topic,
                             .partition = partition,
                             .token = record.token,
                             .value = record.value,
                             .bytes = record.bytes});
  }
  void park(const std::vector<PartitionName>& partitions) override {
    for (const PartitionName& each : partitions) parked.insert(each.partition);
  }
  void resume(const std::vector<PartitionName>& partitions) override {
    for (const PartitionName& each : partitions) parked.erase(each.partition);
  }
  void give_back_queued() override { ++purges; }
  void request_metadata(const std::string& topic) override {
    if (topic.empty()) {
      ++brokers_asked;
    } else {
      asked.push_back(topic);
    }
  }
  void set_credentials(const std::string& username, const std::string& password) override {
    credentials.emplace_back(username, password);
  }
  void poll(KafkaEvents& events) override;
  Duration cpu_time(std::int32_t broker) const override {
    const auto found = cpu.find(broker);
    return found == cpu.end() ? Duration(0) : found->second;
  }
  const std::map<std::string, BrokerStatistics>& statistics() const override { return brokers; }
  void retire() override { is_retired = true; }
  bool is_gone() const override { return is_retired && is_let_go; }
  bool wait_gone(Duration) override { return is_gone(); }

  const KafkaClientOptions& options() const { return options_; }

  std::deque<FakeRecord> outstanding;  // in the order of produce
  std::vector<std::string> asked;
  int brokers_asked = 0;                                         // whether one answers, and not answered yet
  std::vector<std::pair<std::string, std::string>> credentials;  // that it was given
  KafkaEvents next;                                              // the next poll's
  std::vector<std::size_t> requests;                             // the records of each hand-over
  int purges = 0;
  std::set<std::int32_t> parked;         // partitions
  std::map<std::int32_t, Duration> cpu;  // by broker
  std::map<std::string, BrokerStatistics> brokers;
  bool is_retired = false;
  bool is_let_go = true;  // false: a retired client takes its time

 private:
  FakeKafka& kafka_;
  KafkaClientOptions options_;
};

// The cluster, and the clients of it that were made.
class FakeKafka {
 public:
  KafkaClientFactory factory() {
    return [this](const SinkConfig& config, const KafkaClientOptions& options) -> Result<std::unique_ptr<KafkaClient>> {
      if (factory_error) return *factory_error;
      settings = config;
      auto made = std::make_unique<FakeClient>(*this, options);
      clients.push_back(made.get());
      return std::unique_ptr<KafkaClient>(std::move(made));
    };
  }
  FakeClient& client() { return *clients.back(); }

  // Answers every question that was asked. Partition p is led by broker p % `brokers`.
  void answer(std::int32_t partitions, std::int32_t brokers = 1) {
    for (std::string& topic : std::exchange(client().asked, {})) {
      TopicAnswer answer{.topic = std::move(topic), .partitions = partitions};
      for (std::int32_t i = 0; i < partitions; ++i) answer.leaders.push_back(i % brokers);
      client().next.answers.push_back(std::move(answer));
    }
    answer_brokers(KafkaFault::none);
  }
  // Whether a broker answers; `reason` when none does.
  void answer_brokers(KafkaFault fault, const std::string& reason = "") {
    for (; client().brokers_asked > 0; --client().brokers_asked)
      client().next.answers.push_back({.topic = "", .fault = fault, .name = "transport", .reason = reason});
  }
  void refuse_metadata(const std::string& reason) {
    for (std::string& topic : std::exchange(client().asked, {}))
      client().next.answers.push_back(
          {.topic = std::move(topic), .fault = KafkaFault::given_back, .name = "unknown", .reason = reason});
  }

  // The oldest `count` outstanding records are stored and acknowledged.
  void deliver(std::size_t count) {
    for (; count > 0 && !client().outstanding.empty(); --count) {
      const FakeRecord record = client().outstanding.front();
      client().outstanding.pop_front();
      stored[record.partition].push_back(record.text());
      client().next.reports.push_back({.token = record.token, .count = 1});
    }
  }
  void deliver_all() { deliver(client().outstanding.size()); }
  // The oldest outstanding record ends with `fault`.
  void fail(KafkaFault fault, std::string_view reason) {
    ASSERT_FALSE(client().outstanding.empty());
    const FakeRecord record = client().outstanding.front();
    client().outstanding.pop_front();
    client().next.reports.push_back(
        {.token = record.token, .count = 1, .fault = fault, .value = record.value, .name = "FAULT", .reason = reason});
  }
  void fail_all(KafkaFault fault, std::string_view reason) {
    while (!client().outstanding.empty()) fail(fault, reason);
  }

  std::vector<FakeClient*> clients;  // null once destroyed
  std::map<std::int32_t, std::vector<std::string>> stored;
  std::optional<Error> factory_error;
  SinkConfig settings;  // of the last client
};

inline FakeClient::~FakeClient() {
  for (FakeClient*& client : kafka_.clients) {
    if (client == this) client = nullptr;
  }
}

inline void FakeClient::poll(KafkaEvents& events) {
  EXPECT_FALSE(is_retired) << "a retired client is not polled";
  append(events, std::exchange(next, {}));
}

}  // namespace tailrace
