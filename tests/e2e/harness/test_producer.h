// TestProducer: a plain librdkafka producer with copies, with which the harness is tested without an agent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;

namespace tailrace::e2e {

class TestProducer {
 public:
  TestProducer(const std::string& bootstrap, const std::string& topic);
  ~TestProducer();
  TestProducer(const TestProducer&) = delete;
  TestProducer& operator=(const TestProducer&) = delete;

  void produce(std::int32_t partition, std::string_view value);  // waits while the queue is full
  bool flush();                                                  // false: not all was acknowledged within 60 s

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
};

}  // namespace tailrace::e2e
