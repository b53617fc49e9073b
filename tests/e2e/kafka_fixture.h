// KafkaTest: the agent between log files and a topic of the shared broker.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "tests/e2e/harness/agent_process.h"
#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/printers.h"
#include "tests/e2e/harness/settings.h"
#include "tests/e2e/harness/stream_verifier.h"
#include "tests/e2e/harness/temp_dir.h"
#include "tests/e2e/harness/topic_reader.h"
#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {

inline constexpr ExitStatus kSuccess{.code = 0};
inline constexpr std::uint64_t kMiB = 1024 * 1024;

class KafkaTest : public ::testing::Test {
 protected:
  void make_topic(int partitions = 1) {
    topic_ = std::make_unique<Topic>(broker_, unique_name(),
                                     TopicOptions{.partitions = partitions, .replicas = 1, .config = {}});
  }
  AgentConfig config(const std::string& glob) {
    AgentConfig result;
    result.include = {logs_ / glob};
    result.brokers = broker_.bootstrap();
    result.topic = topic_->name();
    return result;
  }
  // Reads the whole topic into the verifier.
  void read_back(StreamVerifier& verifier) {
    read_topic(broker_.bootstrap(), topic_->name(), topic_->partitions(),
               [&](std::int32_t partition, std::string_view value) { verifier.take(partition, value); });
  }
  // A figure for people and, in the XML, for programs.
  static void figure(const std::string& name, double value) {
    std::cout << "  " << name << " = " << value << std::endl;
    RecordProperty(name, std::to_string(value));
  }

  Broker& broker_ = Broker::shared();
  TempDir logs_{"logs"};
  std::unique_ptr<Topic> topic_;

 private:
  // The test's name with what Kafka allows in a topic.
  static std::string unique_name() {
    const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "." + test->name();
    std::replace_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
    return name;
  }
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tailrace::e2e
