#include "tests/e2e/harness/mock_broker.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <cstdio>
#include <cstdlib>

namespace tailrace::e2e {
namespace {

constexpr std::int16_t kProduce = 0;  // Kafka's API key
constexpr std::int32_t kBroker = 1;

void be_silent(const rd_kafka_t*, int, const char*, const char*) {}

}  // namespace

MockBroker::MockBroker() {
  char error[512] = "";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, be_silent);
  client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (client_ == nullptr) {
    std::fprintf(stderr, "mock cluster: %s\n", error);
    std::abort();
  }
  cluster_ = rd_kafka_mock_cluster_new(client_, 1);
  bootstrap_ = rd_kafka_mock_cluster_bootstraps(cluster_);
}

MockBroker::~MockBroker() {
  rd_kafka_mock_cluster_destroy(cluster_);
  rd_kafka_destroy(client_);
}

void MockBroker::create_topic(const std::string& name, int partitions) {
  rd_kafka_mock_topic_create(cluster_, name.c_str(), partitions, 1);
}

void MockBroker::refuse_produce(const std::vector<int>& kafka_error_codes) {
  std::vector<rd_kafka_resp_err_t> errors;
  for (const int code : kafka_error_codes) errors.push_back(static_cast<rd_kafka_resp_err_t>(code));
  rd_kafka_mock_push_request_errors_array(cluster_, kProduce, errors.size(), errors.data());
}

void MockBroker::set_answer_time(int milliseconds) { rd_kafka_mock_broker_set_rtt(cluster_, kBroker, milliseconds); }
void MockBroker::go_down() { rd_kafka_mock_broker_set_down(cluster_, kBroker); }
void MockBroker::come_up() { rd_kafka_mock_broker_set_up(cluster_, kBroker); }

}  // namespace tailrace::e2e
