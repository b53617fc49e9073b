// KafkaSink and whether its brokers can be reached: with nothing to ship, and with secrets that were rotated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/secrets.h"
#include "tests/sinks/kafka_sink_fixture.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class KafkaSinkReach : public KafkaSinkTest {
 protected:
  void write(const std::string& name, const std::string& text) { std::ofstream(directory_ + "/" + name) << text; }
  void use_password_file() {
    write("password", "old");
    config_.librdkafka = {{"security.protocol", "sasl_plaintext"},
                          {"sasl.mechanism", "PLAIN"},
                          {"sasl.username", "app"},
                          {"sasl.password", "old"}};
    config_.file_secrets = {{.property = "sasl.password", .written = "${file:password}", .folder = directory_}};
  }
  void refuse_password() {
    kafka_.client().next.troubles.push_back(
        {"authentication",
         "sasl_plaintext://a:1/bootstrap: SASL authentication error: Invalid password (after 1ms in "
         "state AUTH_REQ)"});
    poll();
  }
  void connect() {
    kafka_.client().next.connections.push_back({.address = "a:1", .state = Connection::up});
    poll();
    kafka_.answer_brokers(KafkaFault::none);
    poll();
  }
};

// Nothing to ship: the sink connects all the same, and says so.
TEST_F(KafkaSinkReach, ConnectsWithNothingToShip) {
  start();
  EXPECT_EQ(kafka_.client().brokers_asked, 1);
  EXPECT_FALSE(sink_->status(now_).has_connected);
  kafka_.answer_brokers(KafkaFault::none);
  poll();
  EXPECT_TRUE(sink_->status(now_).has_connected);
  EXPECT_TRUE(sink_->status(now_).is_up);
}

// Every broker refused and nothing to ship: down, with the cause; up again when one is reached.
TEST_F(KafkaSinkReach, DownWhileNoBrokerIsReachedAndUpAgain) {
  start();
  kafka_.client().next.troubles.push_back(
      {"transport",
       "a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)"});
  kafka_.answer_brokers(KafkaFault::no_answer, "Local: Broker transport failure");
  poll();
  SinkStatus status = sink_->status(now_);
  EXPECT_FALSE(status.is_up);
  EXPECT_FALSE(status.has_connected);
  EXPECT_THAT(status.reason, HasSubstr("a:1: "));
  EXPECT_THAT(status.reason, HasSubstr("Connection refused"));
  EXPECT_THAT(status.reason, Not(HasSubstr("transport failure")));
  connect();
  status = sink_->status(now_);
  EXPECT_TRUE(status.is_up);
  EXPECT_EQ(status.reason, "");
  EXPECT_TRUE(status.has_connected);
}

// A topic that is asked for in vain: what is stuck names the cause too.
TEST_F(KafkaSinkReach, WhatIsStuckNamesTheCause) {
  start();
  EXPECT_EQ(driver_->route("/a.log"), nullptr);
  refuse_password();
  kafka_.client().next.answers.push_back(
      {.topic = "logs", .fault = KafkaFault::no_answer, .name = "transport", .reason = "Broker transport failure"});
  poll();
  const SinkStatus status = sink_->status(now_);
  ASSERT_EQ(status.stuck.size(), 1u);
  EXPECT_THAT(status.stuck[0].reason, HasSubstr("Invalid password"));
}

// The broker changes the password, then the file gets the new one: it is used, by the same client, and nothing that is
// in flight is read again.
TEST_F(KafkaSinkReach, ARotatedPasswordIsUsedWithoutANewClient) {
  use_password_file();
  start_with(1);
  connect();
  const BatchId batch = driver_->publish(lane(0), source(1), {"a1"}, now_);
  refuse_password();
  pass(seconds(8));
  EXPECT_THAT(kafka_.client().credentials, IsEmpty()) << "the file has the old one still";
  write("password", "new");
  const SinkEvents events = pass(seconds(20));
  EXPECT_THAT(kafka_.client().credentials, ElementsAre(Pair("app", "new")));
  EXPECT_EQ(kafka_.clients.size(), 1u);
  EXPECT_FALSE(events.rewind_all);
  EXPECT_EQ(sink_->counters().rebuilt_producers, 0u);
  connect();
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(batch));
  write("password", "newer");
  pass(seconds(60));
  EXPECT_EQ(kafka_.client().credentials.size(), 1u) << "nobody refuses it";
}

// What is parked is tried again when a broker is back, and not each time that a question has no answer.
TEST_F(KafkaSinkReach, AConnectionThatComesUpIsASignOfTheEndOfASilence) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  spin_for(seconds(2));
  ASSERT_THAT(kafka_.client().parked, ElementsAre(0));
  kafka_.client().next.answers.push_back(
      {.topic = "logs", .fault = KafkaFault::no_answer, .name = "timed_out", .reason = "Local: Timed out"});
  poll();
  EXPECT_THAT(kafka_.client().parked, ElementsAre(0));
  kafka_.client().next.connections.push_back({.address = "a:1", .state = Connection::up});
  poll();
  EXPECT_THAT(kafka_.client().parked, IsEmpty());
}

// A key's password is a client's for its life: a new one, counted; what was in flight is read again.
TEST_F(KafkaSinkReach, AnotherSecretTakesANewClient) {
  use_password_file();
  write("key", "old");
  config_.librdkafka.emplace_back("ssl.key.password", "old");
  config_.file_secrets.push_back({.property = "ssl.key.password", .written = "${file:key}", .folder = directory_});
  start_with(1);
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  write("key", "new");
  kafka_.client().next.troubles.push_back(
      {"ssl", "ssl://a:1/bootstrap: SSL handshake failed: certificate expired (after 1ms in state SSL_HANDSHAKE)"});
  const SinkEvents events = pass(seconds(6));
  EXPECT_TRUE(events.rewind_all);
  EXPECT_EQ(kafka_.clients.size(), 2u);
  EXPECT_EQ(sink_->counters().rebuilt_producers, 1u);
  EXPECT_THAT(kafka_.settings.librdkafka, testing::Contains(Pair("ssl.key.password", "new")));
}

// A certificate that the config names by its path was renewed: librdkafka has read the old one.
TEST_F(KafkaSinkReach, ARenewedCertificateFileTakesANewClient) {
  write("cert.pem", "old");
  config_.librdkafka = {{"security.protocol", "ssl"}, {"ssl.certificate.location", directory_ + "/cert.pem"}};
  start_with(1);
  const auto expire = [this] {
    kafka_.client().next.troubles.push_back(
        {"ssl", "ssl://a:1/bootstrap: SSL handshake failed: certificate expired (after 1ms in state SSL_HANDSHAKE)"});
    pass(seconds(12));
  };
  expire();
  EXPECT_EQ(kafka_.clients.size(), 1u) << "the file is the one that it has";
  write("cert.pem", "new");
  expire();
  EXPECT_EQ(kafka_.clients.size(), 2u);
  expire();
  EXPECT_EQ(kafka_.clients.size(), 2u) << "once for each new one";
}

// It is hidden before anybody can quote it: librdkafka's words name values.
TEST_F(KafkaSinkReach, ARotatedSecretIsShownNowhere) {
  use_password_file();
  std::string shown;
  config_.librdkafka.emplace_back("ssl.key.password", "old");
  config_.file_secrets.push_back({.property = "ssl.key.password", .written = "${file:password}", .folder = directory_});
  try_settings_ = [&shown](const SinkConfig& with) {
    shown = without_secrets("no key for " + with.librdkafka.back().second);
    return Status();
  };
  start_with(1);
  write("password", "rotated-7f9c");
  refuse_password();
  pass(seconds(12));
  EXPECT_EQ(shown, "no key for ***");
}

// Half of a rotation is there: the old client stays.
TEST_F(KafkaSinkReach, SecretsOfWhichNoClientCanBeMadeAreNotUsed) {
  use_password_file();
  config_.librdkafka.emplace_back("ssl.key.password", "old");
  config_.file_secrets.push_back({.property = "ssl.key.password", .written = "${file:password}", .folder = directory_});
  try_settings_ = [](const SinkConfig&) { return Status(Error(ErrorKind::bad_input, "no key of this certificate")); };
  start_with(1);
  write("password", "new");
  refuse_password();
  pass(seconds(12));
  EXPECT_EQ(kafka_.clients.size(), 1u);
  EXPECT_THAT(kafka_.client().credentials, IsEmpty());
  EXPECT_GE(sink_->counters().errors.at("secrets"), 2u);
}

}  // namespace
}  // namespace tailrace
