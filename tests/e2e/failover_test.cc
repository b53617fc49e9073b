// Three brokers, three replicas, two of which must be in sync, under load: leaders that move, brokers that are killed,
// away or frozen. With idempotence everything arrives once; without it what is doubled is counted; both keep the order.
// `make bench B=failover` does each for longer, and each broker in turn.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "tests/e2e/harness/cluster.h"
#include "tests/e2e/harness/stream.h"
#include "tests/e2e/kafka_fixture.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;

constexpr seconds kSoon{120};
constexpr int kPartitions = 3;
constexpr std::uint64_t kRate = 4'000'000;  // of each agent; each byte is stored three times

class Failover : public ::testing::Test {
 protected:
  Failover() {
    for (auto& [topic, idempotence, stream] : agents_) {
      cluster_.create_topic(topic, kPartitions);
      stream = std::make_unique<Stream>(StreamOptions{.topic = topic,
                                                      .partitions = kPartitions,
                                                      .files = 2 * kPartitions,
                                                      .bytes_per_second = kRate,
                                                      .brokers = cluster_.bootstrap(),
                                                      .sink_lines = std::string("idempotence = ") + idempotence});
    }
  }

  // Both agents have more acknowledged than when this is called: they go on.
  void expect_shipping(const char* after) {
    for (auto& agent : agents_) {
      EXPECT_TRUE(agent.stream->wait_more_acked(kRate, kSoon))
          << "idempotence = " << agent.idempotence << ", " << after;
    }
  }

  void move_leaders(int turn) {
    for (const auto& agent : agents_) EXPECT_TRUE(cluster_.move_leaders(agent.topic, kPartitions, turn));
  }

  struct Agent {
    std::string topic;
    const char* idempotence;
    std::unique_ptr<Stream> stream = nullptr;
  };
  Cluster cluster_;
  Stopwatch watch_;
  Agent agents_[2] = {{"idempotent", "true"}, {"plain", "false"}};
};

// One after the other, so that the brokers start once. Between two troubles both agents ship.
TEST_F(Failover, LosesAndReordersNothing) {
  for (auto& agent : agents_) {
    ASSERT_TRUE(agent.stream->agent().start_ready());
    agent.stream->write();
  }
  expect_shipping("the start");
  for (int turn = 1; turn <= 3; ++turn) {
    move_leaders(turn);
    pause(seconds(2));
  }
  expect_shipping("leaders that moved");

  cluster_.broker(1).kill9();
  pause(seconds(3));
  cluster_.broker(1).launch();
  ASSERT_TRUE(cluster_.broker(1).await());
  expect_shipping("a broker that was killed");

  cluster_.broker(2).freeze();
  pause(seconds(4));
  cluster_.broker(2).thaw();
  expect_shipping("a broker that was frozen");

  cluster_.broker(0).kill9();
  cluster_.broker(1).kill9();
  pause(seconds(is_full() ? 10 : 5));
  cluster_.broker(0).launch();
  cluster_.broker(1).launch();
  ASSERT_TRUE(cluster_.broker(0).await());
  ASSERT_TRUE(cluster_.broker(1).await());
  expect_shipping("two brokers that were away");

  for (auto& agent : agents_) agent.stream->stop_writing();
  for (auto& agent : agents_) {
    const std::string which = std::string("idempotence = ") + agent.idempotence;
    EXPECT_TRUE(agent.stream->wait_shipped(kSoon)) << which;
    EXPECT_EQ(agent.stream->agent().metric("tailrace_rebuilt_producers_total"), 0.0) << which;
    EXPECT_EQ(agent.stream->agent().metric("tailrace_lost_bytes_total"), 0.0) << which;
    EXPECT_EQ(agent.stream->agent().terminate(), kSuccess) << which;
    const StreamReport report = agent.stream->read_back(cluster_.bootstrap());
    std::cout << "  " << which << ": " << report.text() << "\n";
    EXPECT_TRUE(report.has_no_loss_in_order()) << which << ": " << report.text();
    EXPECT_EQ(report.writers_in_many_partitions, 0u) << which;
    if (std::string(agent.idempotence) == "true") {
      EXPECT_EQ(report.doubled_lines, 0u) << which << ": " << report.text();
    }
  }
}

}  // namespace
}  // namespace tailrace::e2e
