// KafkaSink under brokers that fall silent, refuse records, or get stuck: what it holds, says and does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sinks/kafka_sink_fixture.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Connected but frozen: after a second nothing more is handed over. A librdkafka that spins over it is parked, not
// replaced: nothing is doubled.
TEST_F(KafkaSinkTest, ASilentBrokerIsFoundAndASpinningProducerParked) {
  start_with(1);
  Lane& one = lane(0);
  const BatchId first = driver_->publish(one, source(1), {"a1"}, now_);
  const BatchId next = driver_->publish(one, source(1), {"a2"}, now_);
  pass(milliseconds(900));
  EXPECT_GT(sink_->room(one), 0u);
  spin_for(seconds(1));
  EXPECT_EQ(sink_->room(one), 0u);
  EXPECT_THAT(kafka_.client().parked, ElementsAre(0));
  pass(seconds(4));
  EXPECT_THAT(kafka_.client().parked, ElementsAre(0));
  pass(seconds(60));
  EXPECT_EQ(kafka_.clients.size(), 1u);
  const SinkStatus down = sink_->status(now_);
  EXPECT_FALSE(down.is_up);
  EXPECT_THAT(down.reason, HasSubstr("no answer for 6"));
  kafka_.deliver_all();
  EXPECT_TRUE(poll().room_changed);
  EXPECT_THAT(kafka_.client().parked, IsEmpty());
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(first, next));
  EXPECT_TRUE(sink_->status(now_).is_up);
  EXPECT_EQ(sink_->counters().rebuilt_producers, 0u);
}

// An error or an answer may mean that it is over, though nothing is reported; and without any sign it is tried.
TEST_F(KafkaSinkTest, AParkedPartitionIsTriedOnASignAndNowAndThen) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  spin_for(seconds(2));
  ASSERT_THAT(kafka_.client().parked, ElementsAre(0));
  kafka_.client().next.troubles.push_back({"transport", "broker transport failure"});
  poll();
  EXPECT_THAT(kafka_.client().parked, IsEmpty());
  spin_for(milliseconds(200));
  EXPECT_THAT(kafka_.client().parked, ElementsAre(0)) << "it spins again";
  pass(seconds(6));
  EXPECT_THAT(kafka_.client().parked, IsEmpty()) << "it does not";
}

// A broker that has just started knows no topic: that is no reason to give up what is on its way, and double it.
TEST_F(KafkaSinkTest, ATopicThatIsGoneForAMomentCostsNoProducerOneThatIsGoneDoes) {
  for (const auto& [gone_for, rebuilt] : {std::pair{seconds(3), 0u}, {seconds(9), 1u}}) {
    driver_.reset();
    sink_.reset();
    start_with(1);
    driver_->publish(lane(0), source(1), {"a1"}, now_);
    pass(seconds(5));  // nobody answers
    const auto pass_until_asked = [this] {
      for (int i = 0; i < 600 && kafka_.client().asked.empty(); ++i) pass(milliseconds(100));
    };
    pass_until_asked();
    const auto end = now_ + gone_for;
    for (; now_ < end; pass(milliseconds(100))) kafka_.refuse_metadata("unknown");
    EXPECT_FALSE(sink_->status(now_).stuck.empty()) << "it was not asked";
    pass_until_asked();
    kafka_.answer(1);
    pass(seconds(10));
    EXPECT_EQ(sink_->counters().rebuilt_producers, rebuilt);
  }
}

// One broker of two is frozen and its thread spins: only its partitions are parked.
TEST_F(KafkaSinkTest, OnlyTheFrozenBrokersPartitionsAreParked) {
  start();
  EXPECT_EQ(driver_->route("/a.log"), nullptr);
  kafka_.answer(4, 2);
  poll();
  for (std::int32_t partition = 0; partition < 4; ++partition)
    driver_->publish(lane(partition), source(static_cast<std::uint64_t>(partition)), {"x"}, now_);
  pass(milliseconds(1050));
  kafka_.answer(4, 2);
  for (int i = 0; i < 20; ++i) {
    kafka_.client().cpu[1] += milliseconds(20);
    kafka_.client().cpu[0] += milliseconds(1) / 10;
    pass(milliseconds(20));
  }
  EXPECT_THAT(kafka_.client().parked, ElementsAre(1, 3));
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(kafka_.client().parked, IsEmpty());
}

// Without a spin the producer lives: what is out is acknowledged once, nothing is read again.
TEST_F(KafkaSinkTest, ASilentBrokerThatComesBackDoublesNothing) {
  start_with(1);
  const BatchId out = driver_->publish(lane(0), source(1), {"a1"}, now_);
  pass(seconds(30));
  const BatchId late = driver_->publish(lane(0), source(1), {"a2"}, now_);
  EXPECT_EQ(kafka_.client().outstanding.size(), 1u) << "nothing more is handed over";
  EXPECT_FALSE(sink_->status(now_).is_up);
  kafka_.deliver_all();
  poll();
  EXPECT_TRUE(driver_->events.room_changed);
  kafka_.deliver_all();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(out, late));
  EXPECT_THAT(kafka_.stored[0], ElementsAre("a1", "a2"));
  EXPECT_EQ(kafka_.clients.size(), 1u);
  EXPECT_TRUE(sink_->status(now_).is_up);
}

// One broker of several is frozen: the others answer questions, so only the stuck lane stops.
TEST_F(KafkaSinkTest, AStuckLaneStopsOnlyItselfWhileOtherBrokersAnswer) {
  start_with(2);
  driver_->publish(lane(0), source(1), {"a1"}, now_);
  pass(milliseconds(1100));
  EXPECT_EQ(sink_->room(lane(1)), 0u);
  kafka_.answer(2);
  poll();
  EXPECT_GT(sink_->room(lane(1)), 0u);
  EXPECT_EQ(sink_->room(lane(0)), 0u);
  ASSERT_EQ(sink_->status(now_).stuck.size(), 1u);
  EXPECT_EQ(sink_->status(now_).stuck[0].partition, 0);
  EXPECT_THAT(sink_->status(now_).stuck[0].reason, HasSubstr("no acknowledgement"));
}

// However many partitions get stuck with whatever they hold: together a quarter of `memory`, and the
// last one that still works has room.
TEST_F(KafkaSinkTest, StuckLanesTogetherHoldAQuarterOfTheMemory) {
  config_.memory = 256 * 1024 * 1024;
  start_with(64);
  for (std::int32_t partition = 0; partition < 64; ++partition) lane(partition);
  for (int round = 0; round < 3; ++round) {
    for (std::int32_t partition = 0; partition < 63; ++partition) {
      fill(lane(partition), source(static_cast<std::uint64_t>(partition)));
      if (round < 2) kafka_.deliver(kafka_.client().outstanding.size() / 2);
      poll();
      now_ += milliseconds(1);
    }
  }
  std::uint64_t held = 0;
  for (const FakeRecord& record : kafka_.client().outstanding) held += record.bytes + 1 + kRecordOverheadBytes;
  EXPECT_GT(held, config_.memory / 8);
  EXPECT_LE(held, config_.memory / 4 + 63 * 8192);
  pass(milliseconds(1100));
  kafka_.answer(64);
  poll();
  EXPECT_GT(sink_->room(lane(63)), 16u * 1024);
}

// Reads of all lanes are under way before the first of them is published: together they take no more than what may be
// out, and what came of them, or did not, is given back.
TEST_F(KafkaSinkTest, ReadsUnderWayShareAQuarterOfTheMemory) {
  start_with(12);
  for (std::int32_t partition = 0; partition < 12; ++partition) lane(partition);
  std::uint64_t reading = 0;
  for (std::int32_t partition = 0; partition < 12; ++partition) {
    const std::uint64_t bytes = sink_->room(lane(partition));
    sink_->set_reading(lane(partition), bytes);
    reading += bytes;
  }
  const double charge_of_byte = 1 + kRecordOverheadBytes / 200.0;  // what it takes a line for, before it has seen one
  EXPECT_GT(static_cast<double>(reading) * charge_of_byte, config_.memory / 8);
  EXPECT_LE(static_cast<double>(reading) * charge_of_byte, config_.memory / 4);
  const std::uint64_t beside_others = sink_->room(lane(11));
  for (std::int32_t partition = 0; partition < 11; ++partition) sink_->set_reading(lane(partition), 0);
  EXPECT_GT(sink_->room(lane(11)), beside_others);
}

TEST_F(KafkaSinkTest, ShortLinesCountWithTheirBooks) {
  start_with(1);
  prove(lane(0));
  std::uint64_t bytes = 0;
  for (int round = 0; round < 50; ++round) {
    bytes = fill(lane(0), source(1), 19);
    kafka_.deliver_all();
    now_ += milliseconds(2);
    poll();
  }
  bytes = fill(lane(0), source(1), 19);
  EXPECT_GT(bytes, 400'000u);
  EXPECT_LE(sink_->pool().budget().used(), config_.memory / 4 + 2 * 1024 * 1024);
}

TEST_F(KafkaSinkTest, ARefusedRecordIsSpooledAndThoseAfterItAreDelivered) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"skip"}, now_);
  kafka_.deliver_all();
  poll();
  const BatchId batch = driver_->publish(lane(0), source(1), {"good", "bad\n{}", "fine"}, now_);
  kafka_.deliver(1);
  kafka_.fail(KafkaFault::invalid, "Broker: Broker failed to validate record");
  kafka_.deliver(1);
  poll();
  EXPECT_THAT(driver_->events.settled, IsEmpty()) << "not before the spool has it";
  poll();
  ASSERT_EQ(driver_->events.settled.size(), 1u);
  EXPECT_EQ(driver_->events.settled[0].batch, batch);
  EXPECT_EQ(driver_->events.settled[0].outcome, Outcome::rejected);
  EXPECT_EQ(driver_->events.settled[0].rejected_lines, 1u);
  EXPECT_EQ(driver_->events.settled[0].rejected_bytes, 6u);
  EXPECT_EQ(sink_->counters().rejected_invalid, 1u);
  EXPECT_THAT(spooled(), HasSubstr("\"offset\":10,"));
  EXPECT_THAT(spooled(), HasSubstr("\"bytes\":6}\nbad\n{}\n"));
  EXPECT_THAT(kafka_.stored[0], ElementsAre("skip", "good", "fine"));
}

TEST_F(KafkaSinkTest, AFullSpoolStopsItsLaneUntilThereIsRoom) {
  config_.spool_limit = 10;
  start_with(2);
  driver_->publish(lane(0), source(1), {"bad"}, now_);
  kafka_.fail(KafkaFault::bad_timestamp, "x");
  poll();
  pass(seconds(3));
  EXPECT_THAT(driver_->settled(), IsEmpty());
  EXPECT_EQ(sink_->room(lane(0)), 0u);
  EXPECT_GT(sink_->room(lane(1)), 0u);
  ASSERT_EQ(sink_->status(now_).stuck.size(), 1u);
  EXPECT_THAT(sink_->status(now_).stuck[0].reason, HasSubstr("spool_limit"));
  EXPECT_EQ(spooled(), "");
}

TEST_F(KafkaSinkTest, DropCountsAndStopEndsTheAgent) {
  config_.on_reject = OnReject::drop;
  start_with(1);
  driver_->publish(lane(0), source(1), {"bad"}, now_);
  kafka_.fail(KafkaFault::bad_timestamp, "x");
  poll();
  ASSERT_EQ(driver_->events.settled.size(), 1u);
  EXPECT_EQ(driver_->events.settled[0].outcome, Outcome::rejected);
  EXPECT_EQ(sink_->counters().rejected_timestamp, 1u);

  driver_.reset();
  config_.on_reject = OnReject::stop;
  start_with(1);
  driver_->publish(lane(0), source(1), {"bad"}, now_);
  kafka_.fail(KafkaFault::invalid, "the reason");
  poll();
  EXPECT_THAT(driver_->events.settled, IsEmpty());
  ASSERT_TRUE(driver_->events.stop.has_value());
  EXPECT_THAT(*driver_->events.stop, HasSubstr("the reason"));
}

// The broker judges whole requests: with a limit of 20,000 none of 60 KB passes, though each record is small. It is
// made smaller for that topic until it passes, nothing is read again, nothing changes places, and no producer is
// replaced.
TEST_F(KafkaSinkTest, RequestsThatAreTooLargeAreMadeSmallerUntilARecordIsToBlame) {
  start_with(1);
  prove(lane(0));
  std::vector<std::string> lines;
  for (int i = 0; i < 100; ++i) lines.push_back(std::to_string(1000 + i) + std::string(596, 'x'));
  const BatchId batch = driver_->publish(lane(0), source(1), lines, now_);
  for (int turn = 0; turn < 100 && !kafka_.client().outstanding.empty(); ++turn) {
    if (kafka_.client().outstanding.size() * lines[0].size() > 20'000) {
      kafka_.fail_all(KafkaFault::request_too_large, "Broker: Message size too large");
    } else {
      kafka_.deliver_all();
    }
    const SinkEvents& events = poll();
    EXPECT_FALSE(events.rewind_all);
    EXPECT_THAT(events.rewound, IsEmpty());
  }
  EXPECT_THAT(driver_->settled(), ElementsAre(batch));
  EXPECT_EQ(kafka_.stored[0], lines);
  EXPECT_EQ(sink_->counters().rejected_too_large, 0u);
  EXPECT_EQ(kafka_.clients.size(), 1u);

  const BatchId alone = driver_->publish(lane(0), source(1), {std::string(30'000, 'x')}, now_);
  kafka_.fail_all(KafkaFault::request_too_large, "Broker: Message size too large");
  poll();
  poll();
  EXPECT_THAT(driver_->settled(), ElementsAre(batch, alone));
  EXPECT_EQ(sink_->counters().rejected_too_large, 1u);
}

// One topic's limit is no other's; and it is tried from time to time whether it was raised.
TEST_F(KafkaSinkTest, ATopicThatRefusesLargeRequestsLeavesTheOthersAloneAndIsTriedAgain) {
  start_with(1);
  prove(lane(0));
  const std::vector<std::string> lines(100, std::string(600, 'x'));
  driver_->publish(lane(0), source(1), lines, now_);
  kafka_.fail_all(KafkaFault::request_too_large, "Broker: Message size too large");
  poll();
  EXPECT_LT(kafka_.client().outstanding.size(), 60u);
  const auto deliver_all = [this] {
    while (!kafka_.client().outstanding.empty()) {
      kafka_.deliver_all();
      poll();
    }
  };
  deliver_all();
  std::size_t largest = 0;
  for (int minute = 0; minute < 10; ++minute) {
    pass(seconds(61));
    driver_->publish(lane(0), source(1), lines, now_);
    largest = std::max(largest, kafka_.client().outstanding.size());
    deliver_all();
  }
  EXPECT_EQ(largest, 100u);
}

// What the brokers tell of a topic's limit is kept from the start.
TEST_F(KafkaSinkTest, ARequestHoldsNoMoreThanItsTopicTakes) {
  start_with(1);
  kafka_.client().next.limits.push_back({"logs", 20'000});
  prove(lane(0));
  driver_->publish(lane(0), source(1), std::vector<std::string>(100, std::string(600, 'x')), now_);
  EXPECT_LE(kafka_.client().outstanding.size() * 600, 20'000u);
  EXPECT_GT(kafka_.client().outstanding.size() * 600, 15'000u);
}

// librdkafka never gives up what it has of a partition that was paused: when the topic goes, the client is made to.
TEST_F(KafkaSinkTest, ATopicThatGoesWithAParkedPartitionHoldsNothingForEver) {
  start_with(2);
  driver_->publish(lane(1), source(1), {"a1"}, now_);
  spin_for(seconds(2));
  kafka_.answer(1);
  EXPECT_TRUE(pass(seconds(10)).rewind_all);
  EXPECT_EQ(kafka_.clients.size(), 2u);

  driver_.reset();
  sink_.reset();
  config_.idempotence = false;
  start_with(2);
  driver_->publish(lane(1), source(1), {"a1"}, now_);
  pass(seconds(2));
  kafka_.answer(1);
  EXPECT_FALSE(pass(seconds(10)).rewind_all);
  EXPECT_GE(kafka_.client().purges, 1) << "without sequence numbers it can be told to give back what is not sent";
}

// What was refused was no more than the request held: no need to come down from a megabyte by halves.
TEST_F(KafkaSinkTest, ASmallRequestThatIsTooLargeHalvesItsOwnSize) {
  start_with(1);
  prove(lane(0));
  driver_->publish(lane(0), source(1), {"a", std::string(3000, 'b'), "c"}, now_);
  kafka_.fail_all(KafkaFault::request_too_large, "Broker: Message size too large");
  poll();
  EXPECT_THAT(kafka_.client().requests, ElementsAre(3u, 1u));
}

TEST_F(KafkaSinkTest, AProducerThatCannotBeMadeAtTheStartIsAConfigErrorAndLaterTriedAgain) {
  kafka_.factory_error = Error(ErrorKind::bad_input, "librdkafka: no such property");
  auto made = KafkaSink::create(config_, agent_, 64 * 1024, {files_, workers_, kafka_.factory()});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind(), ErrorKind::bad_input);

  kafka_.factory_error.reset();
  start_with(1);
  kafka_.client().next.fatal = "x";
  kafka_.factory_error = Error(ErrorKind::io, "no thread");
  EXPECT_TRUE(poll().rewind_all);
  kafka_.factory_error.reset();
  pass(seconds(2));
  kafka_.answer(1);
  poll();
  EXPECT_GT(sink_->room(lane(0)), 0u);
}

TEST_F(KafkaSinkTest, RetriesOfReplacedProducersStayCounted) {
  start_with(1);
  kafka_.client().brokers["b1:9092"] = {.rtt_seconds = 0.5, .retries = 3};
  kafka_.client().next.has_statistics = true;
  poll();
  kafka_.client().next.fatal = "x";
  poll();
  kafka_.client().brokers["b1:9092"] = {.rtt_seconds = 0.25, .retries = 1};
  kafka_.client().next.has_statistics = true;
  poll();
  EXPECT_EQ(sink_->counters().broker_retries.at("b1:9092"), 4u);
  EXPECT_EQ(sink_->counters().broker_rtt_seconds.at("b1:9092"), 0.25);
}

}  // namespace
}  // namespace tailrace
