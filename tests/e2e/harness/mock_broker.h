// MockBroker: librdkafka's mock cluster in the test's process, for tests that need Kafka's protocol but not Kafka.
//
// Keeps at most 5 MiB a partition (older records go), so ship little. Takes errors and slowness on order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_mock_cluster_s rd_kafka_mock_cluster_t;

namespace tailrace::e2e {

class MockBroker {
 public:
  MockBroker();
  ~MockBroker();
  MockBroker(const MockBroker&) = delete;
  MockBroker& operator=(const MockBroker&) = delete;

  const std::string& bootstrap() const { return bootstrap_; }
  void create_topic(const std::string& name, int partitions);
  // The next Produce requests are answered with these codes of Kafka's, one a request.
  void refuse_produce(const std::vector<int>& kafka_error_codes);
  void set_answer_time(int milliseconds);
  void go_down();
  void come_up();

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::string bootstrap_;
};

}  // namespace tailrace::e2e
