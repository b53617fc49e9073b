// PartitionLog: what the leader of one partition keeps: records, and by producer the sequence numbers of its last
// batches.
//
// As Kafka's ProducerStateManager: a batch that is among a producer's last five is acknowledged and not stored again;
// one that does not follow its last is refused; of a producer that it does not know any first number is taken.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/e2e/harness/kafka_wire.h"

namespace tailrace::e2e {

class PartitionLog {
 public:
  struct Appended {
    KafkaError error = KafkaError::none;
    std::int64_t offset = -1;  // of its first record, also when it was there before
  };
  Appended append(const RecordBatch& batch);

  const std::vector<std::string>& values() const { return values_; }

 private:
  struct Stored {
    std::int32_t first = 0;
    std::int32_t last = 0;
    std::int64_t offset = 0;
  };
  struct Producer {
    std::int16_t epoch = -1;
    std::deque<Stored> batches;  // the last five
  };

  std::vector<std::string> values_;
  std::map<std::int64_t, Producer> producers_;
};

}  // namespace tailrace::e2e
