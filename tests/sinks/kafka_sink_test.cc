#include "sinks/kafka_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/sinks/kafka_sink_fixture.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(KafkaSinkTest, DeliversLinesInOrderAndSettlesABatchWhenItsLastRecordIsReported) {
  start_with(1);
  const BatchId one = driver_->publish(lane(0), source(1), {"a", "", "b"}, now_);
  const BatchId two = driver_->publish(lane(0), source(1), {"c"}, now_);
  kafka_.deliver(2);
  EXPECT_THAT(poll().settled, IsEmpty());
  kafka_.deliver_all();
  poll();
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(one, two));
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a", "", "b", "c"));
  EXPECT_TRUE(sink_->is_empty());
}

TEST_F(KafkaSinkTest, AQuietLanesLineGoesOutAtOnceAndOneThatFollowsWaitsForCompany) {
  config_.linger = milliseconds(5);
  start_with(2);
  driver_->publish(lane(0), source(1), {"first"}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 1u);
  kafka_.deliver_all();
  poll();
  now_ += milliseconds(1);
  driver_->publish(lane(0), source(1), {"second"}, now_);
  driver_->publish(lane(0), source(2), {"third"}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 0u);
  EXPECT_GT(sink_->room(lane(0)), 0u) << "a lane that lingers takes more";
  driver_->publish(lane(1), source(3), {"elsewhere"}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 1u) << "the other lane is quiet";
  EXPECT_EQ(sink_->next_deadline(), now_ + milliseconds(4));
  now_ += milliseconds(4);
  sink_->flush(now_);
  kafka_.deliver_all();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("first", "second", "third"));
}

// A broker that knows nothing of the producer would take the second of two requests for its first.
TEST_F(KafkaSinkTest, AFirstRequestIsOfOneRecord) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"a1", "a2", "a3"}, now_);
  for (int i = 0; i < 2; ++i) {
    kafka_.deliver_all();
    poll();
  }
  EXPECT_THAT(kafka_.client().requests, ElementsAre(1u, 2u));
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a1", "a2", "a3"));
}

// Two requests on their way could change places, and an idempotent client spins over the second.
TEST_F(KafkaSinkTest, ALaneHandsOverOneRequestAndTheNextWhenItIsReported) {
  start_with(1);
  prove(lane(0));
  driver_->publish(lane(0), source(1), {"a1", "a2"}, now_);
  driver_->publish(lane(0), source(1), {"a3"}, now_);
  driver_->publish(lane(0), source(2), {"b1", "b2"}, now_);
  EXPECT_THAT(kafka_.client().requests, ElementsAre(2u));
  EXPECT_GT(sink_->room(lane(0)), 0u) << "the next one is read meanwhile";
  kafka_.deliver(1);
  poll();
  EXPECT_THAT(kafka_.client().requests, ElementsAre(2u)) << "one of two is reported";
  kafka_.deliver(1);
  poll();
  EXPECT_THAT(kafka_.client().requests, ElementsAre(2u, 3u));
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a1", "a2", "a3", "b1", "b2"));
  EXPECT_TRUE(sink_->is_empty());
}

// A second one would be stored first, should the first come back: however far the broker is, and with sequence numbers
// too.
TEST_F(KafkaSinkTest, ALaneHasOneRequestOnItsWay) {
  for (const bool idempotence : {true, false}) {
    driver_.reset();
    sink_.reset();
    config_.idempotence = idempotence;
    start_with(1);
    for (int i = 0; i < 40; ++i) {
      fill(lane(0), source(1));
      now_ += milliseconds(20);
      kafka_.deliver_all();
      const std::size_t before = kafka_.client().requests.size();
      poll();
      sink_->flush(now_);
      fill(lane(0), source(1));
      EXPECT_LE(kafka_.client().requests.size(), before + 1);
    }
    kafka_.deliver_all();
    poll();
    kafka_.deliver_all();
  }
}

TEST_F(KafkaSinkTest, ALaneThatHasGatheredARequestOrIsToldToHurryWaitsNoLonger) {
  config_.linger = seconds(60);
  start_with(1);
  const auto deliver = [this] {
    kafka_.deliver_all();
    poll();
  };
  driver_->publish(lane(0), source(1), {"first"}, now_);
  deliver();
  driver_->publish(lane(0), source(1), {"second"}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 0u);
  driver_->publish(lane(0), source(1), {std::string(64 * 1024, 'x')}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 2u);
  deliver();
  driver_->publish(lane(0), source(1), {"last"}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 0u);
  sink_->hurry();
  sink_->flush(now_);
  deliver();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("first", "second", std::string(64 * 1024, 'x'), "last"));
}

// What lingers behind records that came back goes out behind them.
TEST_F(KafkaSinkTest, WhatLingersStaysBehindWhatCameBack) {
  config_.linger = milliseconds(5);
  start_with(1);
  prove(lane(0));
  driver_->publish(lane(0), source(1), {"out"}, now_);
  driver_->publish(lane(0), source(2), {"lingers"}, now_);
  kafka_.fail(KafkaFault::given_back, "Broker: Not leader for partition");
  poll();
  kafka_.answer(1);
  EXPECT_THAT(pass(seconds(2)).rewound, IsEmpty());
  kafka_.deliver_all();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("out", "lingers"));
}

TEST_F(KafkaSinkTest, MemoryReturnsToNothingWhenAllIsSettledAndTheLaneFallsQuiet) {
  start_with(1);
  fill(lane(0), source(1));
  EXPECT_GT(sink_->pool().budget().used(), 0u);
  for (int i = 0; i < 5; ++i) {
    kafka_.deliver_all();
    poll();
  }
  pass(seconds(5));
  EXPECT_EQ(sink_->pool().budget().used(), 0u);
  EXPECT_GE(sink_->next_deadline(), now_ + seconds(20)) << "only the question whether a broker is still there";
}

TEST_F(KafkaSinkTest, ASourceStaysInItsPartitionAndANewOneHasAHashOfAgentAndPath) {
  start_with(12);
  EXPECT_EQ(driver_->route("/x.log", 7)->partition, 7);
  const std::int32_t chosen = driver_->route("/x.log")->partition;
  EXPECT_EQ(driver_->route("/x.log")->partition, chosen);
  // The checkpoint's partition is gone: the hash's.
  EXPECT_EQ(driver_->route("/x.log", 12)->partition, chosen);
  std::set<std::int32_t> used;
  for (int i = 0; i < 200; ++i) used.insert(driver_->route("/var/log/" + std::to_string(i))->partition);
  EXPECT_EQ(used.size(), 12u);
}

TEST_F(KafkaSinkTest, TopicsAreMadeOfTheTemplate) {
  config_.topic = "logs-{tailer}";
  start();
  EXPECT_EQ(driver_->route("/a.log"), nullptr);
  EXPECT_THAT(kafka_.client().asked, ElementsAre("logs-app"));
}

// An unknown topic is asked for again and again, named in the status, and stops nothing else.
TEST_F(KafkaSinkTest, AnUnknownTopicIsWaitedOut) {
  start();
  EXPECT_EQ(driver_->route("/a.log"), nullptr);
  kafka_.refuse_metadata("Broker: Unknown topic or partition");
  poll();
  EXPECT_EQ(driver_->route("/a.log"), nullptr);
  SinkStatus status = sink_->status(now_);
  ASSERT_EQ(status.stuck.size(), 1u);
  EXPECT_EQ(status.stuck[0].topic, "logs");
  EXPECT_THAT(status.stuck[0].reason, HasSubstr("Unknown topic"));
  EXPECT_TRUE(status.has_connected);
  int asked = 0;
  for (int i = 0; i < 60; ++i) {
    pass(seconds(1));
    asked += static_cast<int>(kafka_.client().asked.size());
    kafka_.refuse_metadata("Broker: Unknown topic or partition");
  }
  EXPECT_GE(asked, 6);
  EXPECT_LE(asked, 12);
  pass(seconds(11));
  kafka_.answer(3);
  EXPECT_TRUE(poll().room_changed);
  EXPECT_NE(driver_->route("/a.log"), nullptr);
  EXPECT_THAT(sink_->status(now_).stuck, IsEmpty());
}

TEST_F(KafkaSinkTest, NobodyAnswersFromTheStart) {
  start();
  driver_->route("/a.log");
  EXPECT_TRUE(sink_->status(now_ + seconds(4)).is_up);
  EXPECT_FALSE(sink_->status(now_ + seconds(5)).is_up);
  EXPECT_FALSE(sink_->status(now_ + seconds(5)).has_connected);
}

// A record that cannot be stored now is kept, and goes out again when its topic answers; the other lanes go on.
TEST_F(KafkaSinkTest, ARecordThatComesBackStopsItsLaneOnlyAndIsSentAgain) {
  start_with(2);
  prove(lane(0));
  const BatchId one = driver_->publish(lane(0), source(1), {"a1", "a2"}, now_);
  const BatchId elsewhere = driver_->publish(lane(1), source(3), {"c1"}, now_);
  kafka_.fail(KafkaFault::given_back, "Broker: Topic authorization failed");
  poll();
  EXPECT_EQ(sink_->room(lane(0)), 0u);
  EXPECT_GT(sink_->room(lane(1)), 0u);
  EXPECT_THAT(sink_->status(now_).stuck[0].reason, HasSubstr("authorization"));
  kafka_.fail(KafkaFault::given_back, "Broker: Topic authorization failed");
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(elsewhere));
  // The lane goes on when its time has come and the topic has answered.
  pass(milliseconds(1500));
  EXPECT_EQ(sink_->room(lane(0)), 0u);
  EXPECT_THAT(kafka_.client().outstanding, IsEmpty());
  kafka_.answer(2);
  const SinkEvents events = pass(seconds(2));
  EXPECT_TRUE(events.room_changed);
  EXPECT_THAT(events.rewound, IsEmpty()) << "it is still in memory";
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(elsewhere, one));
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a1", "a2"));
  EXPECT_GT(sink_->room(lane(0)), 0u);
  EXPECT_EQ(sink_->counters().errors.at("FAULT"), 2u);
}

// A batch of which some was delivered and some came back, over two polls: only what came back is sent again.
TEST_F(KafkaSinkTest, OfABatchThatIsPartlyDeliveredOnlyTheRestIsSentAgain) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"a1", "a2", "a3"}, now_);
  kafka_.deliver(1);
  poll();
  kafka_.fail(KafkaFault::given_back, "x");
  poll();
  kafka_.fail(KafkaFault::given_back, "x");
  poll();
  kafka_.answer(1);
  pass(seconds(2));
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a1", "a2", "a3"));
  EXPECT_TRUE(sink_->is_empty());
}

// What is published meanwhile is stored behind it.
TEST_F(KafkaSinkTest, NothingOvertakesARecordThatCameBack) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  driver_->publish(lane(0), source(1), {"a2"}, now_);
  kafka_.fail(KafkaFault::given_back, "x");
  poll();
  driver_->publish(lane(0), source(1), {"a3"}, now_);
  driver_->publish(lane(0), source(2), {"b1"}, now_);  // of the file that followed it under its path, perhaps
  EXPECT_THAT(kafka_.client().outstanding, IsEmpty());
  kafka_.answer(1);
  pass(seconds(2));
  kafka_.deliver_all();
  poll();
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a1", "a2", "a3", "b1"));
  EXPECT_TRUE(sink_->is_empty());
}

// The topic came back with fewer partitions: what waited for one that is gone is read again and routed to one that is
// there; what cannot be read again goes to one of those.
TEST_F(KafkaSinkTest, APartitionThatIsGoneGivesItsSourcesToTheOthers) {
  start_with(4);
  Lane& gone = lane(3);
  driver_->publish(gone, source(1), {"a1"}, now_);
  driver_->publish(gone, source(2), {"b1"}, now_);
  sink_->pin(source(2));
  kafka_.fail(KafkaFault::given_back, "Broker: Unknown topic or partition");
  poll();
  kafka_.answer(2);
  const SinkEvents events = pass(seconds(2));
  EXPECT_THAT(events.rewound, ElementsAre(source(1)));
  EXPECT_TRUE(events.room_changed);
  EXPECT_TRUE(sink_->is_gone(gone));
  EXPECT_FALSE(sink_->is_gone(lane(0)));
  Lane* anew = driver_->route("/a.log", 3);
  ASSERT_NE(anew, nullptr);
  EXPECT_LT(anew->partition, 2);
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(kafka_.stored[1], ElementsAre("b1"));
  EXPECT_THAT(sink_->status(now_).stuck, IsEmpty());
  EXPECT_TRUE(sink_->is_empty());
}

// What is published on it once more (a read was under way) is read again, too.
TEST_F(KafkaSinkTest, APartitionThatIsGoneKeepsNothingThatComesLate) {
  start_with(2);
  Lane& gone = lane(1);
  driver_->publish(lane(0), source(9), {"x"}, now_);
  kafka_.fail(KafkaFault::given_back, "x");
  poll();
  kafka_.answer(1);
  poll();
  driver_->publish(gone, source(1), {"late"}, now_);
  EXPECT_FALSE(sink_->is_gone(gone)) << "not before what it holds is told of";
  EXPECT_THAT(pass(seconds(1)).rewound, ElementsAre(source(1)));
  EXPECT_TRUE(sink_->is_gone(gone));
}

TEST_F(KafkaSinkTest, AFatalErrorMakesANewProducerAndRewindsAllButWhatIsPinned) {
  start_with(1);
  Lane& before = lane(0);
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  driver_->publish(lane(0), source(2), {"b1"}, now_);
  sink_->pin(source(2));
  kafka_.client().next.fatal = "OUT_OF_ORDER_SEQUENCE_NUMBER: test";
  EXPECT_TRUE(poll().rewind_all);
  ASSERT_EQ(kafka_.clients.size(), 2u);
  EXPECT_EQ(sink_->counters().rebuilt_producers, 1u);
  EXPECT_EQ(sink_->room(before), 0u) << "nothing before the new one has its metadata";
  kafka_.answer(1);
  poll();
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  kafka_.deliver_all();
  poll();
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(kafka_.stored[0], ElementsAre("b1", "a1"));
  EXPECT_TRUE(sink_->is_empty());
}

// A stop doubles what was acknowledged of a batch that is not wholly acknowledged.
TEST_F(KafkaSinkTest, ABatchThatFitsIntoARequestIsNotDivided) {
  start_with(1);
  prove(lane(0));
  driver_->publish(lane(0), source(1), {"first"}, now_);
  for (int i = 0; i < 3; ++i) driver_->publish(lane(0), source(1), std::vector<std::string>(4'000, "x"), now_);
  for (int i = 0; i < 3; ++i) {
    kafka_.deliver_all();
    poll();
  }
  EXPECT_THAT(kafka_.client().requests, ElementsAre(1u, 8'000u, 4'000u));
}

// The old client holds the records until it is gone: where `memory` has no room for their books twice, they go to the
// new one then.
TEST_F(KafkaSinkTest, WhatIsPublishedAgainKeepsWithinTheMemory) {
  start_with(1);
  const auto fill_memory = [this] {
    while (sink_->pool().budget().used() * 100 < sink_->pool().budget().limit() * 99)
      driver_->publish(lane(0), source(1), std::vector<std::string>(500, "x"), now_);
  };
  fill_memory();
  kafka_.deliver_all();
  poll();  // the next request is a large one
  fill_memory();
  sink_->pin(source(1));
  const std::uint64_t used = sink_->pool().budget().used();
  const std::uint64_t limit = sink_->pool().budget().limit();
  poll();
  ASSERT_EQ(kafka_.client().outstanding.size(), 9'999u);
  kafka_.client().is_let_go = false;
  kafka_.client().next.fatal = "OUT_OF_ORDER_SEQUENCE_NUMBER: test";
  poll();
  ASSERT_EQ(kafka_.clients.size(), 2u);
  kafka_.answer(1);
  pass(seconds(1));
  EXPECT_LE(sink_->pool().budget().used(), limit);
  EXPECT_TRUE(kafka_.client().outstanding.empty());
  kafka_.clients.front()->is_let_go = true;
  pass(seconds(1));
  for (int i = 0; i < 60; ++i) {
    kafka_.deliver_all();
    poll();
  }
  EXPECT_TRUE(sink_->is_empty());
  EXPECT_LT(sink_->pool().budget().used(), used);
}

}  // namespace
}  // namespace tailrace
