// KafkaAdmin: topics made and removed through librdkafka's admin calls. Failures abort: they are the test's
// surroundings.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

typedef struct rd_kafka_s rd_kafka_t;

namespace tailrace::e2e {

class KafkaAdmin {
 public:
  explicit KafkaAdmin(const std::string& bootstrap);
  ~KafkaAdmin();
  KafkaAdmin(const KafkaAdmin&) = delete;
  KafkaAdmin& operator=(const KafkaAdmin&) = delete;

  bool answers(std::chrono::milliseconds bound);
  // Waits until every partition has a leader.
  void create_topic(const std::string& name, int partitions, int replicas,
                    const std::map<std::string, std::string>& config);
  void delete_topic(const std::string& name);
  // The broker that leads each partition, -1 where nobody does; empty while there is no answer.
  std::vector<int> leaders(const std::string& name);

 private:
  rd_kafka_t* client_ = nullptr;
};

}  // namespace tailrace::e2e
