#include "tests/e2e/harness/test_producer.h"

#include <librdkafka/rdkafka.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tailrace::e2e {

TestProducer::TestProducer(const std::string& bootstrap, const std::string& topic) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512] = "";
  const std::pair<const char*, const char*> settings[] = {
      {"bootstrap.servers", bootstrap.c_str()}, {"enable.idempotence", "true"}, {"linger.ms", "5"}};
  for (const auto& [name, value] : settings) rd_kafka_conf_set(conf, name, value, error, sizeof error);
  client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client_ == nullptr) {
    std::fprintf(stderr, "test producer: %s\n", error);
    std::abort();
  }
  topic_ = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
}

TestProducer::~TestProducer() {
  rd_kafka_topic_destroy(topic_);
  rd_kafka_destroy(client_);
}

void TestProducer::produce(std::int32_t partition, std::string_view value) {
  void* payload = const_cast<char*>(value.data());
  while (rd_kafka_produce(topic_, partition, RD_KAFKA_MSG_F_COPY, payload, value.size(), nullptr, 0, nullptr) != 0) {
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) std::abort();
    rd_kafka_poll(client_, 100);
  }
}

bool TestProducer::flush() { return rd_kafka_flush(client_, 60'000) == RD_KAFKA_RESP_ERR_NO_ERROR; }

}  // namespace tailrace::e2e
