// The harness's own servers, tried without an agent: FaultBroker stores, refuses and judges sequence numbers as Kafka
// does, StallingProxy loses and reorders nothing.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/e2e/harness/fault_broker.h"
#include "tests/e2e/harness/loopback.h"
#include "tests/e2e/harness/partition_log.h"
#include "tests/e2e/harness/stalling_proxy.h"
#include "tests/e2e/harness/test_producer.h"
#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RecordBatch batch(std::int16_t epoch, std::int32_t sequence, const std::vector<std::string_view>& values) {
  RecordBatch made;
  made.is_intact = true;
  made.producer_id = 1;
  made.producer_epoch = epoch;
  made.first_sequence = sequence;
  made.values = values;
  return made;
}

TEST(PartitionLog, ABatchThatIsSentAgainIsNotStoredAgain) {
  PartitionLog log;
  log.append(batch(0, 0, {"a", "b"}));
  log.append(batch(0, 2, {"c"}));
  const PartitionLog::Appended again = log.append(batch(0, 0, {"a", "b"}));
  EXPECT_EQ(again.error, KafkaError::none);
  EXPECT_EQ(again.offset, 0);
  EXPECT_EQ(log.values(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(PartitionLog, AGapIsRefused) {
  PartitionLog log;
  log.append(batch(0, 0, {"a"}));
  EXPECT_EQ(log.append(batch(0, 2, {"c"})).error, KafkaError::out_of_order_sequence_number);
  EXPECT_EQ(log.append(batch(0, 1, {"b"})).error, KafkaError::none);
  EXPECT_EQ(log.values(), (std::vector<std::string>{"a", "b"}));
}

TEST(PartitionLog, AnEpochBeginsAtZeroAndEndsTheOneBefore) {
  PartitionLog log;
  log.append(batch(3, 7, {"a"}));  // nothing is known of this producer: any number is taken
  EXPECT_EQ(log.append(batch(4, 8, {"b"})).error, KafkaError::out_of_order_sequence_number);
  EXPECT_EQ(log.append(batch(4, 0, {"b"})).error, KafkaError::none);
  EXPECT_EQ(log.append(batch(3, 8, {"c"})).error, KafkaError::invalid_producer_epoch);
  EXPECT_EQ(log.values(), (std::vector<std::string>{"a", "b"}));
}

TEST(FaultBroker, StoresWhatAProducerSendsOnceInOrder) {
  FaultBroker broker(2);
  broker.create_topic("t", 1);
  broker.refuse({.topic = "t", .nth = 2, .times = 2, .error = KafkaError::not_enough_replicas});
  broker.refuse({.topic = "t", .nth = 2, .error = KafkaError::not_enough_replicas_after_append, .is_stored = true});
  std::vector<std::string> sent;
  {
    TestProducer producer(broker.bootstrap(), "t");
    for (int i = 0; i < 20'000; ++i) {
      sent.push_back(std::to_string(i));
      producer.produce(0, sent.back());
      if (i == 10'000) broker.lead("t", 0, 1);
    }
    ASSERT_TRUE(producer.flush());
  }
  EXPECT_EQ(broker.values("t"), sent);
  EXPECT_GE(broker.refused("t"), 3u);
}

TEST(FaultBroker, IsSilentUntilItIsThawed) {
  FaultBroker broker;
  broker.create_topic("t", 1);
  TestProducer producer(broker.bootstrap(), "t");
  producer.produce(0, "before");
  ASSERT_TRUE(producer.flush());
  broker.hold_answers();
  producer.produce(0, "held");
  ASSERT_TRUE(wait_until([&] { return broker.values("t").size() == 2; }, seconds(30)));  // stored, not told
  broker.freeze();
  producer.produce(0, "frozen");
  broker.let_answers_go();
  broker.thaw();
  EXPECT_TRUE(producer.flush());
  EXPECT_EQ(broker.values("t"), (std::vector<std::string>{"before", "held", "frozen"}));
}

// A client and a server with the proxy between them.
class StallingProxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    listener_ = listen_on_loopback();
    proxy_.forward_to(port_of(listener_));
    client_ = connect_to_loopback(proxy_.port());
    ASSERT_TRUE(wait_until([&] { return (server_ = ::accept(listener_, nullptr, nullptr)) >= 0; }, seconds(30)));
  }
  void TearDown() override {
    for (const int fd : {client_, server_, listener_}) ::close(fd);
  }
  static void send(int fd, const std::string& text) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  static std::string receive(int fd, std::size_t length) {
    std::string text(length, '\0');
    std::size_t got = 0;
    wait_until(
        [&] {
          const ssize_t more = ::recv(fd, text.data() + got, length - got, MSG_DONTWAIT);
          if (more > 0) got += static_cast<std::size_t>(more);
          return got == length;
        },
        seconds(30), milliseconds(1));
    return text.substr(0, got);
  }
  static bool has_bytes(int fd) {
    pollfd waited{fd, POLLIN, 0};
    return ::poll(&waited, 1, 50) > 0;
  }

  StallingProxy proxy_;
  int listener_ = -1, client_ = -1, server_ = -1;
};

TEST_F(StallingProxyTest, ForwardsBothWaysAndTheEnd) {
  send(client_, "question");
  EXPECT_EQ(receive(server_, 8), "question");
  send(server_, "answer");
  EXPECT_EQ(receive(client_, 6), "answer");
  ::shutdown(client_, SHUT_WR);
  EXPECT_TRUE(has_bytes(server_));  // its end
  EXPECT_EQ(receive(server_, 0), "");
}

TEST_F(StallingProxyTest, KeepsWhatItIsGivenWhileItStalls) {
  send(client_, "one ");
  EXPECT_EQ(receive(server_, 4), "one ");
  proxy_.stall();
  send(client_, "two ");
  send(server_, "back");
  send(client_, "three");
  EXPECT_FALSE(has_bytes(server_));
  EXPECT_FALSE(has_bytes(client_));
  proxy_.let_go();
  EXPECT_EQ(receive(server_, 9), "two three");
  EXPECT_EQ(receive(client_, 4), "back");
}

TEST_F(StallingProxyTest, DelaysByAtLeastTheRoundTrip) {
  proxy_.delay(milliseconds(30));
  const auto begin = std::chrono::steady_clock::now();
  send(client_, "ping");
  EXPECT_EQ(receive(server_, 4), "ping");
  send(server_, "pong");
  EXPECT_EQ(receive(client_, 4), "pong");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(60));
}

}  // namespace
}  // namespace tailrace::e2e
