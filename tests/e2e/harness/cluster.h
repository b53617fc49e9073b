// Cluster: three real brokers of one Kafka, and a controller of their own that stays, so that each of them may go.
//
// Topics of it have three replicas, two of which must be in sync. The first start takes some fifteen seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/child_process.h"
#include "tests/e2e/harness/temp_dir.h"

namespace tailrace::e2e {

class Cluster {
 public:
  static constexpr int kBrokers = 3;

  Cluster();

  Broker& broker(int index) { return *brokers_[static_cast<std::size_t>(index)]; }
  std::string bootstrap() const;  // all of them
  void create_topic(const std::string& name, int partitions);
  // Partition p is led by broker (p + turn) modulo 3 from now on. Asks the broker `by`; all three must be there. False
  // when it does not come about.
  bool move_leaders(const std::string& topic, int partitions, int turn, int by = 0);

 private:
  TempDir dir_{"controller"};
  std::string class_path_;
  std::unique_ptr<ChildProcess> controller_;
  std::vector<std::unique_ptr<Broker>> brokers_;
};

}  // namespace tailrace::e2e
