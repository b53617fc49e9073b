// RdKafkaClient on librdkafka's mock brokers: KafkaClientSuite, and KafkaSink over it: every line comes back once, in
// order.
#include "sinks/rdkafka_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>

#include "sinks/check_connect.h"
#include "sinks/kafka_sink.h"
#include "sinks/sink_factory.h"
#include "tests/sinks/inline_workers.h"
#include "tests/sinks/kafka_client_suite.h"
#include "tests/sinks/mock_cluster.h"
#include "tests/sinks/sink_driver.h"

namespace tailrace {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr Duration kBound = seconds(60);
constexpr std::int16_t kProduce = 0;  // the protocol's number of the request

class MockBrokers {
 public:
  MockBrokers() {
    config_.brokers = {cluster_.brokers()};
    // What is not there is given back soon, and not only after half a minute.
    config_.librdkafka = {{"topic.metadata.propagation.max.ms", "300"},
                          {"topic.metadata.refresh.fast.interval.ms", "50"}};
    cluster_.create_topic("logs", 2);
  }
  Result<std::unique_ptr<KafkaClient>> make_client(const KafkaClientOptions& options) {
    return make_rdkafka_client(config_, options);
  }
  std::vector<std::string> stored(std::int32_t partition, std::size_t count) {
    return cluster_.read("logs", partition, count);
  }
  bool wait(EventFd& wake) {
    pollfd ready{.fd = wake.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, 60'000) == 1;
  }
  void set_away(bool is_away) {
    if (is_away) {
      rd_kafka_mock_broker_set_down(cluster_.get(), -1);
    } else {
      rd_kafka_mock_broker_set_up(cluster_.get(), -1);
    }
  }
  void set_silent(bool is_silent) { rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, is_silent ? 8'000 : 0); }
  void set_topic_unknown(bool is_unknown) {
    rd_kafka_mock_topic_set_error(cluster_.get(), "logs",
                                  is_unknown ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : RD_KAFKA_RESP_ERR_NO_ERROR);
    // The mock says so only to those who ask for metadata; what is produced it would store.
    rd_kafka_mock_clear_request_errors(cluster_.get(), kProduce);
    for (int i = 0; is_unknown && i < 100; ++i) {
      rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    }
  }
  void refuse_next_request() {
    rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
  }

 private:
  MockCluster cluster_{1};
  SinkConfig config_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(OnMockBrokers, KafkaClientSuite, MockBrokers);

class OnMockBrokers : public testing::Test {
 protected:
  OnMockBrokers() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tailrace-mock-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    config_.agent.name = "host-1";
    config_.agent.state_dir = directory_;
    settings_.name = "main";
    settings_.brokers = {cluster_.brokers()};
  }
  ~OnMockBrokers() override {
    driver_.reset();
    sink_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto made = make_sink(settings_, config_, {files_, workers_});
    ASSERT_TRUE(made) << made.error().text();
    sink_ = *std::move(made);
    driver_ = std::make_unique<SinkDriver>(*sink_, true);
  }

  // Turns until `is_done`, as the loop would: woken by the sink's descriptor or its deadline.
  template <class Condition>
  bool turn_until(Condition is_done) {
    const Instant end = clock_.now() + kBound;
    while (!is_done()) {
      if (clock_.now() >= end) return false;
      const Instant now = clock_.now();
      const Duration left = std::clamp(sink_->next_deadline(), now, now + std::chrono::milliseconds(200)) - now;
      pollfd wake{.fd = sink_->fd(), .events = POLLIN, .revents = 0};
      ::poll(&wake, 1, static_cast<int>(left / std::chrono::milliseconds(1)));
      turn();
    }
    return true;
  }
  void turn() {
    SinkEvents& events = driver_->poll(clock_.now());
    workers_.dispatch(clock_.now());
    if (!events.rewind_all) return;
    // As the ledger would: what is not settled is read again.
    was_rewound_ = true;
    next_line_ = settled_lines();
    published_.resize(driver_->settled().size());
  }
  std::size_t settled_lines() const { return driver_->settled().size() * kLinesPerBatch; }

  Lane* lane() {
    Lane* found = nullptr;
    EXPECT_TRUE(turn_until([&] { return (found = driver_->route("/a.log", 0)) != nullptr; }));
    return found;
  }
  static std::string line(std::size_t number) {
    return "line " + std::to_string(number) + std::string(number % 300, '.');
  }
  // Publishes all that there is room for, up to `count` lines in all.
  void ship(Lane& to, std::size_t count) {
    while (next_line_ < count && sink_->room(to) > 0) {
      std::vector<std::string> lines;
      for (std::size_t i = 0; i < kLinesPerBatch; ++i) lines.push_back(line(next_line_++));
      published_.push_back(driver_->publish(to, source(1), lines, clock_.now()));
    }
  }
  bool ship_all(Lane& to, std::size_t count) {
    return turn_until([&] {
      ship(to, count);
      return settled_lines() == count;
    });
  }
  static std::vector<std::string> lines_until(std::size_t count) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < count; ++i) lines.push_back(line(i));
    return lines;
  }

  void push_produce_errors() {
    rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  }

  static constexpr std::size_t kLinesPerBatch = 500;
  MockCluster cluster_{1};
  std::string directory_;
  SystemClock clock_;
  SystemFileSystem files_;
  InlineWorkers workers_;
  Config config_;
  SinkConfig settings_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<SinkDriver> driver_;
  std::size_t next_line_ = 0;
  std::vector<BatchId> published_;
  bool was_rewound_ = false;
};

TEST_F(OnMockBrokers, EveryLineComesBackOnceAndInOrder) {
  cluster_.create_topic("logs", 4);
  start();
  ASSERT_TRUE(ship_all(*lane(), 10'000));
  EXPECT_EQ(driver_->settled(), published_);
  EXPECT_EQ(cluster_.read("logs", 0, 10'000), lines_until(10'000));
  EXPECT_TRUE(sink_->status(clock_.now()).is_up);
  EXPECT_TRUE(sink_->is_empty());
}

TEST_F(OnMockBrokers, WithoutIdempotenceOneRequestInFlightKeepsTheOrder) {
  cluster_.create_topic("logs", 1);
  settings_.idempotence = false;
  settings_.acks = Acks::leader;
  start();
  ASSERT_TRUE(ship_all(*lane(), 5'000));
  EXPECT_EQ(cluster_.read("logs", 0, 5'000), lines_until(5'000));
}

// Errors that librdkafka waits out by itself: each line once. The mock brokers look at no sequence numbers, so they
// store what was in flight behind a refused request before its retry: the order is shown with one request in flight.
TEST_F(OnMockBrokers, RetriedRequestsStoreEachLineOnce) {
  cluster_.create_topic("logs", 1);
  start();
  Lane* to = lane();
  push_produce_errors();
  ASSERT_TRUE(ship_all(*to, 5'000));
  std::vector<std::string> found = cluster_.read("logs", 0, 5'000);
  std::vector<std::string> expected = lines_until(5'000);
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_TRUE(found == expected) << found.size() << " records";
}

TEST_F(OnMockBrokers, RetriedRequestsKeepTheOrder) {
  cluster_.create_topic("logs", 1);
  settings_.idempotence = false;
  start();
  Lane* to = lane();
  push_produce_errors();
  ASSERT_TRUE(ship_all(*to, 5'000));
  EXPECT_EQ(cluster_.read("logs", 0, 5'000), lines_until(5'000));
}

TEST_F(OnMockBrokers, ABrokerThatGoesAndComesBackLosesAndDoublesNothing) {
  cluster_.create_topic("logs", 1);
  start();
  Lane* to = lane();
  ASSERT_TRUE(ship_all(*to, 2'000));
  rd_kafka_mock_broker_set_down(cluster_.get(), -1);
  ASSERT_TRUE(turn_until([&] {
    ship(*to, 20'000);
    return !sink_->status(clock_.now()).is_up;
  }));
  EXPECT_EQ(sink_->room(*to), 0u);
  EXPECT_LE(sink_->pool().budget().used(), settings_.memory / 4);
  rd_kafka_mock_broker_set_up(cluster_.get(), -1);
  ASSERT_TRUE(ship_all(*to, 20'000));
  EXPECT_EQ(cluster_.read("logs", 0, 20'000), lines_until(20'000));
  EXPECT_FALSE(was_rewound_);
  EXPECT_TRUE(sink_->status(clock_.now()).is_up);
}

// Connected but silent: nothing is lost; what was doubled was read again.
TEST_F(OnMockBrokers, ASilentBrokerLosesNothing) {
  cluster_.create_topic("logs", 1);
  start();
  Lane* to = lane();
  ASSERT_TRUE(ship_all(*to, 2'000));
  rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, 8'000);
  ASSERT_TRUE(turn_until([&] {
    ship(*to, 20'000);
    return !sink_->status(clock_.now()).is_up;
  }));
  EXPECT_EQ(sink_->room(*to), 0u);
  rd_kafka_mock_broker_set_rtt(cluster_.get(), -1, 0);
  ASSERT_TRUE(ship_all(*to, 20'000));
  const std::string last = line(19'999);
  const auto found = cluster_.read_until(
      "logs", 0, [&](const std::vector<std::string>& records) { return !records.empty() && records.back() == last; });
  // Each line comes first after the one before it; what was read again may come once more.
  std::size_t next = 0;
  for (const std::string& record : found) {
    if (next < 20'000 && record == line(next)) ++next;
  }
  EXPECT_EQ(next, 20'000u);
  EXPECT_TRUE(was_rewound_ || found.size() == 20'000u) << found.size();
}

TEST_F(OnMockBrokers, ARecordThatTheBrokerRefusesIsSpooled) {
  cluster_.create_topic("logs", 1);
  start();
  Lane* to = lane();
  rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP);
  const BatchId refused = driver_->publish(*to, source(1), {"bad"}, clock_.now());
  ASSERT_TRUE(turn_until([&] { return !driver_->settled().empty(); }));
  EXPECT_EQ(driver_->settled().front(), refused);
  EXPECT_EQ(sink_->counters().rejected_timestamp, 1u);
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/rejected/main.spool"));
}

TEST_F(OnMockBrokers, ATopicThatIsNotThereIsNamedAndWaitedFor) {
  cluster_.create_topic("logs", 1);
  rd_kafka_mock_topic_set_error(cluster_.get(), "logs", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  start();
  ASSERT_TRUE(turn_until([&] {
    EXPECT_EQ(driver_->route("/a.log"), nullptr);
    return !sink_->status(clock_.now()).stuck.empty();
  }));
  EXPECT_THAT(sink_->status(clock_.now()).stuck[0].reason, HasSubstr("Unknown topic"));
  rd_kafka_mock_topic_set_error(cluster_.get(), "logs", RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_NE(lane(), nullptr);
}

TEST_F(OnMockBrokers, AWrongPropertyIsNamed) {
  settings_.librdkafka = {{"socket.keepalive.enabled", "true"}};
  const auto made = make_sink(settings_, config_, {files_, workers_});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind(), ErrorKind::bad_input);
  EXPECT_THAT(made.error().text(), HasSubstr("socket.keepalive.enabled"));
}

// What rd_kafka_new refuses, with an interceptor in it, must not be freed twice.
TEST_F(OnMockBrokers, ACertificateThatIsMissingIsNamed) {
  settings_.librdkafka = {{"security.protocol", "ssl"}, {"ssl.ca.location", "/nowhere/ca.pem"}};
  for (int i = 0; i < 2; ++i) {
    const auto made = make_sink(settings_, config_, {files_, workers_});
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().text(), HasSubstr("ssl.ca.location"));
  }
  const Status tried = try_client(settings_, config_);
  ASSERT_FALSE(tried);
  EXPECT_THAT(tried.error().text(), HasSubstr("ssl.ca.location"));
  settings_.librdkafka.clear();
  EXPECT_TRUE(try_client(settings_, config_));
}

// Nothing to ship: connected all the same, told when no broker can be reached any more, and when one can again.
TEST_F(OnMockBrokers, BrokersAreReachedWithNothingToShip) {
  start();
  ASSERT_TRUE(turn_until([&] { return sink_->status(clock_.now()).has_connected; }));
  EXPECT_TRUE(sink_->status(clock_.now()).is_up);
  rd_kafka_mock_broker_set_down(cluster_.get(), -1);
  ASSERT_TRUE(turn_until([&] { return !sink_->status(clock_.now()).is_up; }));
  EXPECT_THAT(sink_->status(clock_.now()).reason, HasSubstr(cluster_.brokers()));
  rd_kafka_mock_broker_set_up(cluster_.get(), -1);
  ASSERT_TRUE(turn_until([&] { return sink_->status(clock_.now()).is_up; }));
  EXPECT_EQ(sink_->status(clock_.now()).reason, "");
}

TEST_F(OnMockBrokers, WhatKeepsASinkFromItsBrokersIsNamed) {
  settings_.brokers = {"127.0.0.1:1", "no-such-host.invalid:9092"};
  start();
  ASSERT_TRUE(turn_until([&] {
    const std::string reason = sink_->status(clock_.now()).reason;
    return reason.find("Connection refused") != std::string::npos && reason.find("not resolve") != std::string::npos;
  }));
  const SinkStatus status = sink_->status(clock_.now());
  EXPECT_FALSE(status.is_up);
  EXPECT_FALSE(status.has_connected);
  EXPECT_THAT(status.reason, HasSubstr("127.0.0.1:1: "));
  EXPECT_THAT(status.reason, HasSubstr("no-such-host.invalid:9092: "));
}

TEST_F(OnMockBrokers, CheckConnectSaysWhenNobodyAnswers) {
  settings_.brokers = {"127.0.0.1:1"};
  std::vector<std::string> lines;
  const Status status = check_connect(settings_, config_, std::chrono::milliseconds(500), lines);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::again);
  EXPECT_THAT(status.error().text(), HasSubstr("no broker answers"));
}

}  // namespace
}  // namespace tailrace
