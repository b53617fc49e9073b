#include "tests/e2e/harness/topic_reader.h"

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace tailrace::e2e {
namespace {

// librdkafka waits so long for a batch to become full, once at the end of each partition too.
constexpr int kBatchWaitMs = 20;
constexpr std::size_t kBatchRecords = 10'000;

[[noreturn]] void give_up(const std::string& topic, const char* reason) {
  std::fprintf(stderr, "read topic %s: %s\n", topic.c_str(), reason);
  std::abort();
}

rd_kafka_t* new_consumer(const std::string& bootstrap) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512] = "";
  const std::pair<const char*, const char*> settings[] = {
      {"bootstrap.servers", bootstrap.c_str()},
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},
      {"check.crcs", "true"},
      {"fetch.wait.max.ms", "50"},
      {"queued.max.messages.kbytes", "65536"},
      {"fetch.message.max.bytes", "4194304"},
  };
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) give_up(name, error);
  }
  rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (consumer == nullptr) give_up(bootstrap, error);
  return consumer;
}

// One partition from its beginning to its end.
class PartitionReader {
 public:
  PartitionReader(rd_kafka_t* consumer, std::string name, std::int32_t partition)
      : name_(std::move(name)),
        partition_(partition),
        topic_(rd_kafka_topic_new(consumer, name_.c_str(), nullptr)),
        batch_(kBatchRecords) {
    if (rd_kafka_consume_start(topic_, partition_, RD_KAFKA_OFFSET_BEGINNING) != 0) {
      give_up(name_, rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  PartitionReader(const PartitionReader&) = delete;
  PartitionReader& operator=(const PartitionReader&) = delete;
  ~PartitionReader() {
    rd_kafka_consume_stop(topic_, partition_);
    rd_kafka_topic_destroy(topic_);
  }

  std::uint64_t read(const OnRecord& on_record) {
    auto heard = std::chrono::steady_clock::now();
    while (!is_at_end_) {
      const ssize_t got = rd_kafka_consume_batch(topic_, partition_, kBatchWaitMs, batch_.data(), batch_.size());
      for (ssize_t i = 0; i < got; ++i) take(batch_[static_cast<std::size_t>(i)], on_record);
      const auto now = std::chrono::steady_clock::now();
      if (got > 0) heard = now;
      if (now - heard > std::chrono::seconds(60)) give_up(name_, "no answer for 60 s");
    }
    return records_;
  }

 private:
  void take(rd_kafka_message_t* message, const OnRecord& on_record) {
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      is_at_end_ = true;
    } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      give_up(name_, rd_kafka_message_errstr(message));
    } else {
      ++records_;
      on_record(partition_, {static_cast<const char*>(message->payload), message->len});
    }
    rd_kafka_message_destroy(message);
  }

  std::string name_;
  std::int32_t partition_;
  rd_kafka_topic_t* topic_;
  std::vector<rd_kafka_message_t*> batch_;
  std::uint64_t records_ = 0;
  bool is_at_end_ = false;
};

}  // namespace

std::uint64_t read_topic(const std::string& bootstrap, const std::string& topic, int partitions,
                         const OnRecord& on_record) {
  rd_kafka_t* consumer = new_consumer(bootstrap);
  std::uint64_t records = 0;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    records += PartitionReader(consumer, topic, partition).read(on_record);
  }
  rd_kafka_destroy(consumer);
  return records;
}

}  // namespace tailrace::e2e
