#include "sinks/broker_reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/sinks/fake_kafka_client.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

// As librdkafka 2.0.2 says them.
struct Said {
  const char* name;
  const char* text;
  BrokerCause::Kind kind;
  const char* address;
  const char* part;
};

class BrokerCauses : public testing::TestWithParam<Said> {};

TEST_P(BrokerCauses, AreNamed) {
  const Said& said = GetParam();
  const BrokerCause cause = cause_of({.name = said.name, .text = said.text});
  EXPECT_EQ(cause.kind, said.kind);
  EXPECT_EQ(cause.address, said.address);
  EXPECT_THAT(cause.text, HasSubstr(said.part));
  EXPECT_THAT(to_string(cause), Not(HasSubstr("(after")));
  EXPECT_THAT(to_string(cause), Not(HasSubstr("bootstrap")));
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokerCauses,
    testing::Values(
        Said{"transport",
             "127.0.0.1:2/bootstrap: Connect to ipv4#127.0.0.1:2 failed: Connection refused (after 0ms in state "
             "CONNECT, 1 identical error(s) suppressed)",
             BrokerCause::Kind::address, "127.0.0.1:2", "Connection refused"},
        Said{"resolve",
             "no-such.invalid:9092/bootstrap: Failed to resolve 'no-such.invalid:9092': Name or service not known "
             "(after 0ms in state CONNECT)",
             BrokerCause::Kind::name, "no-such.invalid:9092", "the name does not resolve: Name or service not known"},
        Said{"ssl",
             "ssl://b-1:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: "
             "broker certificate could not be verified, verify that ssl.ca.location is correctly configured (after "
             "54ms in state SSL_HANDSHAKE)",
             BrokerCause::Kind::tls, "b-1:9093", "certificate verify failed"},
        Said{"transport",
             "ssl://b-1:9093/bootstrap: error:0A000086:SSL routines::certificate verify failed (after 3ms in state "
             "SSL_HANDSHAKE)",
             BrokerCause::Kind::tls, "b-1:9093", "certificate verify failed"},
        Said{"transport",
             "ssl://b-1:9093/3: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL "
             "alert number 116 (after 27ms in state APIVERSION_QUERY)",
             BrokerCause::Kind::tls, "b-1:9093", "certificate required"},
        Said{"transport", "ssl://b-1:9093/bootstrap: Disconnected (after 3ms in state SSL_HANDSHAKE)",
             BrokerCause::Kind::tls, "b-1:9093", "TLS failed"},
        Said{"authentication",
             "sasl_plaintext://b-1:9092/bootstrap: SASL authentication error: Authentication failed: Invalid username "
             "or password (after 7ms in state AUTH_REQ)",
             BrokerCause::Kind::login, "b-1:9092", "Invalid username or password"},
        Said{"transport", "sasl_ssl://b-1:9092/1: Disconnected (after 7ms in state AUTH_REQ)", BrokerCause::Kind::login,
             "b-1:9092", "authentication failed"},
        Said{"authentication", "Failed to acquire SASL OAUTHBEARER token: no answer", BrokerCause::Kind::login, "",
             "OAUTHBEARER token"},
        Said{"transport",
             "b-1:9092/bootstrap: Disconnected: verify that security.protocol is correctly configured, broker might "
             "require SASL authentication (after 7ms in state UP)",
             BrokerCause::Kind::address, "b-1:9092", "Disconnected"},
        Said{"bad_msg",
             "b-1:80/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): increase "
             "receive.message.max.bytes (after 0ms in state APIVERSION_QUERY)",
             BrokerCause::Kind::other, "b-1:80", "Invalid response size"},
        Said{"transport", "[::1]:9092/bootstrap: Connect to ipv6#[::1]:9092 failed: Connection refused",
             BrokerCause::Kind::address, "[::1]:9092", "Connection refused"}));

class Reach : public testing::Test {
 protected:
  void found(KafkaEvents events) { reach_.on_found(events, now_); }
  void connection(const std::string& address, Connection state) {
    found({.connections = {{.address = address, .state = state}}});
  }
  void refused(const std::string& address) {
    found({.troubles = {
               {"transport", address + "/bootstrap: Connect to ipv4#" + address + " failed: Connection refused"}}});
  }
  void answer(KafkaFault fault) { found({.answers = {{.topic = "", .fault = fault}}}); }
  // How many questions were asked while `duration` passed.
  int pass(Duration duration) {
    int asked = 0;
    for (const Instant end = now_ + duration; now_ < end; now_ += milliseconds(100)) {
      reach_.ask_due(&client_, now_);
      asked += std::exchange(client_.brokers_asked, 0);
    }
    return asked;
  }

  FakeKafka kafka_;
  FakeClient client_{kafka_, {}};
  BrokerReach reach_;
  Instant now_{std::chrono::hours(1)};
};

// With nothing to ship: asked at the start, connected by the answer; half a minute of quiet, and it is asked again.
TEST_F(Reach, AsksAtTheStartAndSeldomAfterwards) {
  EXPECT_FALSE(reach_.has_connected());
  EXPECT_EQ(pass(seconds(1)), 1);
  EXPECT_FALSE(reach_.is_away(now_)) << "nothing is known yet";
  answer(KafkaFault::none);
  EXPECT_TRUE(reach_.has_connected());
  EXPECT_EQ(pass(seconds(29)), 0);
  EXPECT_EQ(pass(seconds(2)), 1);
}

TEST_F(Reach, AwayWhenNobodyAnswersUntilAConnectionIsUp) {
  pass(seconds(3));
  refused("a:1");
  refused("b:1");
  answer(KafkaFault::no_answer);
  EXPECT_TRUE(reach_.is_away(now_));
  EXPECT_FALSE(reach_.has_connected());
  EXPECT_EQ(reach_.cause(now_),
            "a:1: Connect to ipv4#a:1 failed: Connection refused; b:1: Connect to ipv4#b:1 failed: Connection refused");
  EXPECT_EQ(pass(seconds(3)), 1) << "asked again";
  connection("b:1", Connection::up);
  answer(KafkaFault::none);
  EXPECT_FALSE(reach_.is_away(now_));
  EXPECT_TRUE(reach_.has_connected());
  EXPECT_THAT(reach_.cause(now_), Not(HasSubstr("b:1")));
}

// When a connection comes up after a question that nobody answered, the next one is not waited for.
TEST_F(Reach, AsksAtOnceWhenAConnectionComesUp) {
  pass(seconds(3));
  answer(KafkaFault::no_answer);
  pass(milliseconds(500));
  connection("a:1", Connection::up);
  EXPECT_EQ(pass(milliseconds(100)), 1);
}

// A listener that wants a login, without one: it greets us, and shuts the door at the first question.
TEST_F(Reach, ABrokerThatOnlyGreetsIsNotReached) {
  for (int i = 0; i < 10; ++i) {
    pass(seconds(1));
    connection("a:1", Connection::up);
    EXPECT_FALSE(reach_.has_connected());
    EXPECT_TRUE(i <= 5 || reach_.is_away(now_)) << "in between as well";
    found({.answers = {{.topic = "", .fault = KafkaFault::no_answer}},
           .troubles = {{"transport", "a:1/bootstrap: Disconnected (after 7ms in state UP)"}},
           .connections = {{.address = "a:1", .state = Connection::none}}});
  }
  EXPECT_THAT(reach_.cause(now_), HasSubstr("Disconnected"));
}

// A question takes its time: another is not asked before it has ended, whatever else is not answered meanwhile.
TEST_F(Reach, OneQuestionAtATime) {
  EXPECT_EQ(pass(seconds(1)), 1);
  found({.answers = {{.topic = "logs", .fault = KafkaFault::no_answer}}});
  EXPECT_EQ(pass(seconds(30)), 0);
  answer(KafkaFault::no_answer);
  EXPECT_EQ(pass(seconds(3)), 1);
}

// A broker closes idle connections, and librdkafka opens none while nobody wants one.
TEST_F(Reach, ConnectionsThatAreClosedAreAskedAfterAndNoSignByThemselves) {
  pass(seconds(1));
  answer(KafkaFault::none);
  connection("a:1", Connection::up);
  EXPECT_EQ(pass(seconds(10)), 0);
  connection("a:1", Connection::none);
  EXPECT_FALSE(reach_.is_away(now_));
  EXPECT_EQ(pass(milliseconds(100)), 1);
  connection("a:1", Connection::up);
  answer(KafkaFault::none);
  EXPECT_FALSE(reach_.is_away(now_));
}

// Frozen while idle: the connection stays, the question has no answer.
TEST_F(Reach, ABrokerThatIsFrozenWhileThereIsNothingToShipIsNoticed) {
  pass(seconds(1));
  connection("a:1", Connection::up);
  answer(KafkaFault::none);
  EXPECT_EQ(pass(seconds(31)), 1);
  pass(seconds(3));
  answer(KafkaFault::no_answer);
  pass(seconds(3));
  EXPECT_TRUE(reach_.is_away(now_));
  answer(KafkaFault::none);
  EXPECT_FALSE(reach_.is_away(now_));
}

// An acknowledgement is a sign; a record that was refused without asking anybody is none.
TEST_F(Reach, OnlyABrokersWordIsASign) {
  pass(seconds(1));
  found({.reports = {{.token = 1, .count = 1, .fault = KafkaFault::too_large}}});
  EXPECT_FALSE(reach_.has_connected());
  found({.reports = {{.token = 1, .count = 1}}});
  EXPECT_TRUE(reach_.has_connected());
}

TEST_F(Reach, ARefusedPasswordIsKnownUntilThatBrokerIsReached) {
  found({.troubles = {{"authentication",
                       "sasl_ssl://a:1/bootstrap: SASL authentication error: no (after 1ms in state AUTH_REQ)"}}});
  EXPECT_TRUE(reach_.is_refused());
  connection("b:1", Connection::up);
  EXPECT_TRUE(reach_.is_refused()) << "one broker of several";
  connection("a:1", Connection::up);
  EXPECT_FALSE(reach_.is_refused());
}

// What librdkafka says nothing about, its state says: a firewall that drops, a TLS listener that never answers.
TEST_F(Reach, AConnectionThatComesNoFurtherIsNamed) {
  connection("a:1", Connection::connecting);
  connection("b:1", Connection::tls);
  EXPECT_EQ(reach_.cause(now_), "a:1: the address does not answer; b:1: the TLS handshake is not answered");
  connection("a:1", Connection::none);
  connection("b:1", Connection::up);
  EXPECT_EQ(reach_.cause(now_), "");
}

TEST_F(Reach, ManyBrokersAreCounted) {
  for (const char* address : {"a:1", "b:1", "c:1", "d:1", "e:1"}) refused(address);
  EXPECT_THAT(reach_.cause(now_), HasSubstr("; and 2 more"));
}

TEST_F(Reach, ACauseOfLongAgoIsForgotten) {
  refused("a:1");
  EXPECT_NE(reach_.cause(now_), "");
  now_ += std::chrono::minutes(3);
  EXPECT_EQ(reach_.cause(now_), "");
}

}  // namespace
}  // namespace tailrace
