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

// Connected but frozen: after a second nothing more is handed over; a librdkafka that spins over it is replaced; the
// new one gets nothing before it has answered a question.
TEST_F(KafkaSinkTest, ASilentBrokerIsFoundAndASpinningProducerReplaced) {
  start_with(1);
  Lane& one = lane(0);
  driver_->publish(one, source(1), {"a1"}, now_);
  pass(milliseconds(900));
  EXPECT_GT(sink_->room(one), 0u);
  pass(milliseconds(400));
  EXPECT_EQ(sink_->room(one), 0u);
  kafka_.client().is_let_go = false;
  FakeClient& old = kafka_.client();
  SinkEvents all;
  for (int i = 0; i < 8 && kafka_.clients.size() == 1; ++i) {
    old.cpu += milliseconds(500);
    all.rewind_all = pass(milliseconds(500)).rewind_all || all.rewind_all;
  }
  ASSERT_EQ(kafka_.clients.size(), 2u);
  EXPECT_TRUE(all.rewind_all);
  EXPECT_TRUE(old.is_retired);
  EXPECT_GT(sink_->pool().budget().used(), 0u) << "the old client may still read the records";
  EXPECT_TRUE(sink_->is_empty());
  pass(seconds(10));
  EXPECT_EQ(sink_->room(one), 0u);
  const SinkStatus down = sink_->status(now_);
  EXPECT_FALSE(down.is_up);
  EXPECT_THAT(down.reason, HasSubstr("no answer for 1"));
  old.is_let_go = true;
  kafka_.answer(1);
  EXPECT_TRUE(poll().room_changed);
  EXPECT_EQ(kafka_.clients[0], nullptr) << "it is gone, and let go of";
  EXPECT_GT(sink_->room(one), 0u);
  EXPECT_TRUE(sink_->status(now_).is_up);
  pass(seconds(5));
  EXPECT_EQ(sink_->pool().budget().used(), 0u);
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

// The broker judges whole requests: with a limit of 20,000 none of 60 KB passes, though each record is small.
TEST_F(KafkaSinkTest, RequestsThatAreTooLargeAreMadeSmallerUntilARecordIsToBlame) {
  start_with(1);
  const std::string line(600, 'x');
  const std::vector<std::string> lines(100, line);
  std::uint32_t before = kafka_.client().options().batch_bytes_max;
  for (int i = 0; i < 7; ++i) {
    driver_->publish(lane(0), source(1), lines, now_);
    kafka_.fail_all(KafkaFault::too_large, "Broker: Message size too large");
    EXPECT_TRUE(poll().rewind_all);
    EXPECT_LE(kafka_.client().options().batch_bytes_max, before / 2);
    before = kafka_.client().options().batch_bytes_max;
    kafka_.answer(1);
    poll();
  }
  EXPECT_EQ(sink_->counters().rejected_too_large, 0u);
  EXPECT_LT(before, 2 * line.size());
  driver_->publish(lane(0), source(1), {line}, now_);
  kafka_.fail_all(KafkaFault::too_large, "Broker: Message size too large");
  EXPECT_FALSE(poll().rewind_all);
  EXPECT_FALSE(poll().settled.empty());
  EXPECT_EQ(sink_->counters().rejected_too_large, 1u);
}

// What was refused cannot have been more than the lane had out: no need to come down from a megabyte by halves.
TEST_F(KafkaSinkTest, ASmallRequestThatIsTooLargeHalvesItsOwnSize) {
  start_with(1);
  driver_->publish(lane(0), source(1), {"a", std::string(3000, 'b'), "c"}, now_);
  kafka_.fail_all(KafkaFault::too_large, "Broker: Message size too large");
  EXPECT_TRUE(poll().rewind_all);
  EXPECT_LT(kafka_.client().options().batch_bytes_max, 3000u);
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
