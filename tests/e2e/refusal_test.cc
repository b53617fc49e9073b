// A broker that refuses, moves its leaders and keeps silent by script (FaultBroker): no line lost, doubled or out of
// its order, with idempotence and without.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/harness/agent_process.h"
#include "tests/e2e/harness/fault_broker.h"
#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/harness/printers.h"
#include "tests/e2e/harness/stream_verifier.h"
#include "tests/e2e/harness/temp_dir.h"
#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ExitStatus kSuccess{.code = 0};
constexpr seconds kSoon{60};
constexpr std::size_t kFull = 100;  // records: no start, no rest

class RefusalTest : public ::testing::Test {
 protected:
  AgentConfig config(const std::string& topic, const std::string& idempotence) {
    AgentConfig result;
    result.include = {logs_ / "*.log"};
    result.brokers = broker_->bootstrap();
    result.topic = topic;
    result.sink_lines = "compression = \"none\"\nidempotence = " + idempotence;
    return result;
  }
  // Lines of some 70 bytes.
  std::unique_ptr<LineWriter> writer(const std::string& name) {
    return std::make_unique<LineWriter>(LineRecipe{.writer = name, .seed = 4, .bytes_min = 60, .bytes_max = 80},
                                        logs_ / (name + ".log"));
  }
  // What the broker holds of `topic`, beside what `writers` wrote.
  StreamReport verify(const std::vector<const LineWriter*>& writers, const std::string& topic, int partitions) {
    StreamVerifier verifier;
    for (const LineWriter* each : writers) verifier.expect(*each);
    for (std::int32_t partition = 0; partition < partitions; ++partition) {
      for (const std::string& value : broker_->values(topic, partition)) verifier.take(partition, value);
    }
    return verifier.report();
  }

  std::unique_ptr<FaultBroker> broker_ = std::make_unique<FaultBroker>();
  TempDir logs_{"logs"};
};

// The parameter is `idempotence`.
class Refusals : public RefusalTest, public ::testing::WithParamInterface<bool> {
 protected:
  AgentConfig config(const std::string& topic = "logs") {
    return RefusalTest::config(topic, GetParam() ? "true" : "false");
  }
};

INSTANTIATE_TEST_SUITE_P(Idempotence, Refusals, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "On" : "Off"; });

// One request is refused for a moment while the next is built or already on its way: it must not be overtaken.
TEST_P(Refusals, OrderIsKeptWhenARequestIsRefusedForAMoment) {
  broker_->create_topic("logs", 1);
  broker_->answer_after(milliseconds(10));  // so that there is a next one
  const KafkaError passing[] = {KafkaError::not_leader_or_follower, KafkaError::request_timed_out,
                                KafkaError::not_enough_replicas, KafkaError::unknown_topic_or_partition,
                                KafkaError::leader_not_available};
  int nth = 2;
  for (const KafkaError error : passing) {
    broker_->refuse({.topic = "logs", .nth = nth, .records_min = kFull, .error = error});
    nth += 3;
  }
  const auto lines = writer("w");
  lines->write_bytes(30'000'000);
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_GE(broker_->refused("logs"), std::size(passing)) << "it was not tried";
  const StreamReport report = verify({lines.get()}, "logs", 1);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

// The broker stored it and says that it did not, as when the replicas were too slow. Without idempotence it is doubled.
TEST_P(Refusals, OrderIsKeptWhenARequestIsStoredAndRefused) {
  broker_->create_topic("logs", 1);
  broker_->answer_after(milliseconds(10));
  broker_->refuse(
      {.topic = "logs", .nth = 3, .records_min = kFull, .error = KafkaError::request_timed_out, .is_stored = true});
  broker_->refuse({.topic = "logs",
                   .nth = 8,
                   .records_min = kFull,
                   .times = 2,
                   .error = KafkaError::not_enough_replicas_after_append,
                   .is_stored = true});
  const auto lines = writer("w");
  lines->write_bytes(20'000'000);
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_GE(broker_->refused("logs"), 3u) << "it was not tried";
  const StreamReport report = verify({lines.get()}, "logs", 1);
  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  if (GetParam()) {
    EXPECT_EQ(report.doubled_lines, 0u) << report.text();
  }
}

// The first request that a partition ever sees is refused, the following ones would be taken.
TEST_P(Refusals, OrderIsKeptWhenTheFirstRequestIsRefused) {
  broker_->create_topic("logs", 1);
  broker_->answer_after(milliseconds(10));
  broker_->refuse({.topic = "logs", .nth = 1, .error = KafkaError::not_leader_or_follower});
  const auto lines = writer("w");
  lines->write_bytes(5'000'000);
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  const StreamReport report = verify({lines.get()}, "logs", 1);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

// What comes back to the sink (not authorized) is waited out; what was on its way behind it must not stay before it. Of
// a batch that came back in part the rest may be doubled, counted.
TEST_P(Refusals, OrderIsKeptWhenRequestsComeBack) {
  broker_->create_topic("logs", 1);
  broker_->answer_after(milliseconds(10));
  broker_->refuse(
      {.topic = "logs", .nth = 5, .records_min = kFull, .times = 2, .error = KafkaError::topic_authorization_failed});
  const auto lines = writer("w");
  lines->write_bytes(20'000'000);
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(agent.wait_shipped(lines->bytes_written(), kSoon));
  const double rewound = agent.metric("tailrace_rewound_bytes_total").value_or(-1);
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_GE(broker_->refused("logs"), 2u) << "it was not tried";
  const StreamReport report = verify({lines.get()}, "logs", 1);
  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  EXPECT_LE(static_cast<double>(report.doubled_bytes), rewound) << report.text();
}

// Each partition's leader moves back and forth under load: who led it before refuses.
TEST_P(Refusals, OrderIsKeptWhileLeadersMove) {
  constexpr int kPartitions = 3;
  broker_ = std::make_unique<FaultBroker>(2);
  broker_->create_topic("logs", kPartitions);
  broker_->answer_after(milliseconds(5));
  std::vector<std::unique_ptr<LineWriter>> writers;
  std::vector<const LineWriter*> all;
  for (int i = 0; i < 6; ++i) {
    writers.push_back(writer("w" + std::to_string(i)));
    all.push_back(writers.back().get());
  }
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  std::uint64_t bytes = 0;
  for (int round = 0; round < 10; ++round) {
    for (const auto& each : writers) {
      const std::uint64_t before = each->bytes_written();
      each->write_bytes(400'000);
      bytes += each->bytes_written() - before;
    }
    for (int partition = 0; partition < kPartitions; ++partition)
      broker_->lead("logs", partition, (round + partition) % 2);
    ASSERT_TRUE(agent.wait_metrics(  // half of it has gone: there is something on its way at the next move
        [&](const MetricsText& now) {
          return now.sum("tailrace_acked_bytes_total") >= static_cast<double>(bytes) - 1'000'000;
        },
        kSoon));
  }
  EXPECT_TRUE(agent.wait_shipped(bytes, kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_GE(broker_->refused("logs"), 1u) << "it was not tried";
  const StreamReport report = verify(all, "logs", kPartitions);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

// A topic that takes requests of 20 KB only: whether the broker says so or refuses what is larger, each line arrives
// once, in its order.
class SmallTopic : public Refusals {
 protected:
  void expect_all_once(bool is_told) {
    broker_->create_topic("logs", 1);
    broker_->set_limit("logs", 20'000, is_told);
    const auto lines = writer("w");
    lines->write_lines(3'000);
    AgentProcess agent(config());
    EXPECT_EQ(agent.run_once(kSoon), kSuccess);
    const StreamReport report = verify({lines.get()}, "logs", 1);
    EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
  }
};

INSTANTIATE_TEST_SUITE_P(Idempotence, SmallTopic, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "On" : "Off"; });

TEST_P(SmallTopic, TakesEachLineOnceInOrder) { expect_all_once(true); }
TEST_P(SmallTopic, TakesEachLineOnceInOrderWhenItsLimitIsNotTold) { expect_all_once(false); }

// The other topics of the sink go on with requests as large as before.
TEST_P(SmallTopic, LeavesTheRequestsOfOtherTopicsWhole) {
  broker_->create_topic("small.log", 1);
  broker_->create_topic("wide.log", 1);
  broker_->set_limit("small.log", 20'000, false);
  AgentProcess agent(config("{file.name}"));
  const auto small = writer("small");
  small->write_lines(3'000);
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(agent.wait_shipped(small->bytes_written(), kSoon));
  const auto wide = writer("wide");
  wide->write_bytes(5'000'000);
  EXPECT_TRUE(agent.wait_shipped(small->bytes_written() + wide->bytes_written(), kSoon));
  EXPECT_EQ(agent.metric("tailrace_rebuilt_producers_total"), 0.0);
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_GE(broker_->request_bytes_max("wide.log"), 200'000u);
  const StreamReport few = verify({small.get()}, "small.log", 1);
  EXPECT_TRUE(few.is_exactly_once_in_order()) << few.text();
  const StreamReport many = verify({wide.get()}, "wide.log", 1);
  EXPECT_TRUE(many.is_exactly_once_in_order()) << many.text();
}

// A topic that is deleted and made anew with fewer partitions: files whose partition is gone get others.
TEST_P(Refusals, ATopicThatComesBackSmallerGetsAllFiles) {
  broker_->create_topic("logs", 8);
  std::vector<std::unique_ptr<LineWriter>> writers;
  std::uint64_t bytes = 0;
  const auto write_all = [&] {
    for (const auto& each : writers) {
      const std::uint64_t before = each->bytes_written();
      each->write_lines(100);
      bytes += each->bytes_written() - before;
    }
  };
  for (int i = 0; i < 8; ++i) writers.push_back(writer("w" + std::to_string(i)));
  write_all();
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(agent.wait_shipped(bytes, kSoon));
  broker_->delete_topic("logs");
  broker_->create_topic("logs", 2);
  write_all();
  EXPECT_TRUE(agent.wait_shipped(bytes, kSoon)) << "files of partitions that are gone do not move";
  EXPECT_EQ(agent.terminate(), kSuccess);
  std::size_t lines = 0;
  for (int partition = 0; partition < 2; ++partition) lines += broker_->values("logs", partition).size();
  EXPECT_EQ(lines, 800u);
}

// Connected and silent for some seconds: nothing is doubled, no producer is replaced, and it goes on by itself. With
// and without idempotence, at the same time.
class Silence : public RefusalTest {
 protected:
  void expect_nothing_doubled(void (FaultBroker::*begin)(), void (FaultBroker::*end)()) {
    broker_->answer_after(milliseconds(5));
    const auto lines = writer("w");
    std::vector<std::unique_ptr<AgentProcess>> agents;
    for (const char* idempotence : {"true", "false"}) {
      broker_->create_topic(idempotence, 1);
      agents.push_back(std::make_unique<AgentProcess>(config(idempotence, idempotence)));
      ASSERT_TRUE(agents.back()->start_ready());
    }
    lines->write_bytes(40'000'000);
    const auto is_shipping = [](const MetricsText& now) { return now.sum("tailrace_acked_bytes_total") > 0; };
    for (const auto& agent : agents) ASSERT_TRUE(agent->wait_metrics(is_shipping, kSoon));
    ((*broker_).*begin)();
    const auto is_down = [](const MetricsText& now) { return now.find("tailrace_sink_up") == 0.0; };
    for (const auto& agent : agents) EXPECT_TRUE(agent->wait_metrics(is_down, kSoon));
    ((*broker_).*end)();
    for (const auto& agent : agents) {
      EXPECT_TRUE(agent->wait_shipped(lines->bytes_written(), kSoon));
      EXPECT_EQ(agent->metric("tailrace_rebuilt_producers_total"), 0.0);
      EXPECT_EQ(agent->terminate(), kSuccess);
    }
    for (const char* idempotence : {"true", "false"}) {
      const StreamReport report = verify({lines.get()}, idempotence, 1);
      EXPECT_TRUE(report.is_exactly_once_in_order()) << "idempotence = " << idempotence << ": " << report.text();
    }
  }
};

TEST_F(Silence, OfABrokerThatReadsNothingDoublesNothing) {
  expect_nothing_doubled(&FaultBroker::freeze, &FaultBroker::thaw);
}
TEST_F(Silence, OfABrokerThatStoresAndDoesNotAnswerDoublesNothing) {
  expect_nothing_doubled(&FaultBroker::hold_answers, &FaultBroker::let_answers_go);
}

}  // namespace
}  // namespace tailrace::e2e
