// KafkaClientSuite: what every KafkaClient promises, run alike over librdkafka and on the simulated cluster.
//
// The type parameter is a world: a cluster with the topic "logs" of two partitions.
//
//   struct World {
//     Result<std::unique_ptr<KafkaClient>> make_client(const KafkaClientOptions& options);
//     // A partition's records in order, once there are `count` of them or no more come.
//     std::vector<std::string> stored(std::int32_t partition, std::size_t count);
//     bool wait(EventFd& wake);           // until it is signalled; false: it hangs
//     void set_away(bool is_away);        // no broker is to be reached
//     void set_silent(bool is_silent);    // brokers take what is sent, and do not answer for a long time
//     void set_topic_unknown(bool is_unknown);
//     void refuse_next_request();         // of one record, for good
//   };
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sinks/kafka_client.h"

namespace tailrace {

template <class World>
class KafkaClientSuite : public ::testing::Test {
 protected:
  KafkaClientSuite() {
    options_.wake = wake_;
    options_.record_bytes_max = 10'000;
  }
  // A client reads its records' bytes until it is gone.
  ~KafkaClientSuite() override { let_go(); }

  void let_go() {
    if (!client_) return;
    client_->retire();
    EXPECT_TRUE(client_->wait_gone(std::chrono::seconds(30)));
    client_.reset();
  }

  void start() {
    Result<std::unique_ptr<KafkaClient>> made = world_.make_client(options_);
    ASSERT_TRUE(made) << made.error().text();
    client_ = *std::move(made);
  }

  // The bytes stay where they are until the test is over.
  std::vector<KafkaRecord> records(const std::vector<std::string>& texts, std::uint64_t token) {
    std::vector<KafkaRecord> made;
    for (const std::string& text : texts) {
      const std::string& kept = texts_.emplace_back(text);
      made.push_back({reinterpret_cast<const std::byte*>(kept.data()), static_cast<std::uint32_t>(kept.size()), token});
    }
    return made;
  }
  // Returns the last record's bytes, by which a fault would name it.
  const std::byte* produce(std::int32_t partition, const std::vector<std::string>& texts, std::uint64_t token) {
    std::vector<KafkaRecord> made = records(texts, token);
    const std::byte* last = made.back().value;
    client_->produce("logs", partition, std::move(made));
    return last;
  }

  // As the loop: polls when it is woken, and not otherwise.
  void poll_until(const std::function<bool()>& is_done) {
    while (!is_done()) {
      ASSERT_TRUE(world_.wait(*wake_)) << reported() << " records were reported";
      wake_->clear();
      client_->poll(events_);
    }
  }
  void poll_until_reported(std::size_t records) {
    poll_until([this, records] { return reported() >= records; });
    EXPECT_EQ(reported(), records);
  }
  TopicAnswer ask(const std::string& topic = "logs") {
    const std::size_t before = events_.answers.size();
    client_->request_metadata(topic);
    poll_until([this, before] { return events_.answers.size() > before; });
    return events_.answers.size() > before ? events_.answers.back() : TopicAnswer();
  }

  std::size_t reported() const {
    std::size_t records = 0;
    for (const DeliveryReport& report : events_.reports) records += report.count;
    return records;
  }
  // Records that were delivered, by token.
  std::map<std::uint64_t, std::size_t> delivered() const {
    std::map<std::uint64_t, std::size_t> records;
    for (const DeliveryReport& report : events_.reports) {
      if (report.fault == KafkaFault::none) records[report.token] += report.count;
    }
    return records;
  }
  std::vector<DeliveryReport> faults() const {
    std::vector<DeliveryReport> found;
    for (const DeliveryReport& report : events_.reports) {
      if (report.fault != KafkaFault::none) found.push_back(report);
    }
    return found;
  }

  static std::vector<std::string> numbered(std::size_t begin, std::size_t end) {
    std::vector<std::string> texts;
    for (std::size_t i = begin; i < end; ++i) texts.push_back("record " + std::to_string(i));
    return texts;
  }

  using Delivered = std::map<std::uint64_t, std::size_t>;
  using Texts = std::vector<std::string>;

  World world_;
  std::shared_ptr<EventFd> wake_ = std::make_shared<EventFd>();
  KafkaClientOptions options_;
  std::deque<std::string> texts_;
  std::unique_ptr<KafkaClient> client_;
  KafkaEvents events_;  // all that poll found
};

TYPED_TEST_SUITE_P(KafkaClientSuite);

// Calls for two partitions in turn: each partition has its records in the order of the calls, and each record is
// reported once, under its call's token.
TYPED_TEST_P(KafkaClientSuite, RecordsArriveInOrderAndEachIsReported) {
  this->start();
  for (std::uint64_t call = 0; call < 20; ++call) {
    this->produce(0, this->numbered(call * 50, (call + 1) * 50), 100 + call);
    this->produce(1, this->numbered(call * 10, (call + 1) * 10), 200 + call);
  }
  this->poll_until_reported(1'200);
  typename TestFixture::Delivered expected;
  for (std::uint64_t call = 0; call < 20; ++call) {
    expected[100 + call] = 50;
    expected[200 + call] = 10;
  }
  EXPECT_EQ(this->delivered(), expected);
  EXPECT_EQ(this->world_.stored(0, 1'000), this->numbered(0, 1'000));
  EXPECT_EQ(this->world_.stored(1, 200), this->numbered(0, 200));
}

TYPED_TEST_P(KafkaClientSuite, AnEmptyRecordIsARecord) {
  this->start();
  this->produce(0, {"a", "", "b"}, 7);
  this->poll_until_reported(3);
  EXPECT_EQ(this->world_.stored(0, 3), (typename TestFixture::Texts{"a", "", "b"}));
}

// A bad record in the middle of a call: its report says which it was and why, and the others arrive in their order.
TYPED_TEST_P(KafkaClientSuite, ARecordThatIsTooLargeStopsNoOther) {
  this->start();
  this->produce(0, {"first"}, 1);
  const std::string large(10'001, 'x');
  const std::vector<KafkaRecord> call = this->records({"before", large, "behind"}, 2);
  this->client_->produce("logs", 0, call);
  this->produce(0, {"last"}, 3);
  this->poll_until_reported(5);
  ASSERT_EQ(this->faults().size(), 1u);
  const DeliveryReport bad = this->faults()[0];
  EXPECT_EQ(bad.fault, KafkaFault::too_large);
  EXPECT_EQ(bad.token, 2u);
  EXPECT_EQ(bad.count, 1u);
  EXPECT_EQ(bad.value, call[1].value);
  EXPECT_FALSE(bad.name.empty());
  EXPECT_FALSE(bad.reason.empty());
  EXPECT_EQ(this->delivered(), (typename TestFixture::Delivered{{1, 1}, {2, 2}, {3, 1}}));
  EXPECT_EQ(this->world_.stored(0, 4), (typename TestFixture::Texts{"first", "before", "behind", "last"}));
}

// The very first record of a partition is too large: what follows does not wait for it.
TYPED_TEST_P(KafkaClientSuite, ThePartitionsFirstRecordMayBeTooLarge) {
  this->start();
  this->produce(0, {std::string(10'001, 'x')}, 1);
  this->produce(0, {"next"}, 2);
  this->poll_until_reported(2);
  ASSERT_EQ(this->faults().size(), 1u);
  EXPECT_EQ(this->delivered(), (typename TestFixture::Delivered{{2, 1}}));
  EXPECT_EQ(this->world_.stored(0, 1), (typename TestFixture::Texts{"next"}));
}

// The broker looks at it and says no: it is not stored, and the next record is.
TYPED_TEST_P(KafkaClientSuite, ARecordThatTheBrokerRefusesIsReportedAndNotStored) {
  this->start();
  this->produce(0, {"first"}, 1);
  this->poll_until_reported(1);
  this->world_.refuse_next_request();
  const std::byte* bad = this->produce(0, {"bad"}, 2);
  this->poll_until_reported(2);
  ASSERT_EQ(this->faults().size(), 1u);
  EXPECT_TRUE(is_refusal(this->faults()[0].fault));
  EXPECT_EQ(this->faults()[0].token, 2u);
  EXPECT_EQ(this->faults()[0].value, bad);
  this->produce(0, {"next"}, 3);
  this->poll_until_reported(3);
  EXPECT_EQ(this->world_.stored(0, 2), (typename TestFixture::Texts{"first", "next"}));
}

// No broker is to be reached: nothing is reported, nothing given up, and all of it arrives once they are back.
TYPED_TEST_P(KafkaClientSuite, AnOutageIsWaitedOut) {
  this->start();
  this->produce(0, this->numbered(0, 100), 1);
  this->poll_until_reported(100);
  this->world_.set_away(true);
  this->produce(0, this->numbered(100, 200), 2);
  this->client_->poll(this->events_);
  EXPECT_EQ(this->reported(), 100u);
  this->world_.set_away(false);
  this->poll_until_reported(200);
  EXPECT_EQ(this->world_.stored(0, 200), this->numbered(0, 200));
}

// A client that waits for a silent broker is replaced: it ends, though nobody answers it, and the next one works. What
// the first had sent may be stored as well, or not; nothing is told of it.
TYPED_TEST_P(KafkaClientSuite, ARetiredClientEndsAndTheNextOneGoesOn) {
  this->start();
  this->produce(0, this->numbered(0, 10), 1);
  this->poll_until_reported(10);
  this->world_.set_silent(true);
  this->produce(0, this->numbered(10, 20), 2);
  EXPECT_FALSE(this->client_->is_gone());
  this->client_->retire();
  EXPECT_TRUE(this->client_->wait_gone(std::chrono::seconds(30)));
  EXPECT_TRUE(this->client_->is_gone());
  EXPECT_EQ(this->reported(), 10u);
  this->client_.reset();
  this->world_.set_silent(false);
  this->start();
  this->produce(0, this->numbered(10, 20), 3);
  this->poll_until_reported(20);
  EXPECT_EQ(this->delivered(), (typename TestFixture::Delivered{{1, 10}, {3, 10}}));
  // What the first one had sent may lie between, or some of it; after it comes what this one sent, whole.
  std::size_t count = 20;
  while (count < 30 && this->world_.stored(0, count).back() != "record 19") ++count;
  EXPECT_THAT(this->world_.stored(0, count), testing::IsSupersetOf(this->numbered(0, 20)));
}

// A parked partition keeps what it is given; resumed it goes on, and so does a client that ends while one is parked.
TYPED_TEST_P(KafkaClientSuite, AParkedPartitionGoesOnWhenItIsResumed) {
  this->start();
  this->produce(0, this->numbered(0, 10), 1);
  this->poll_until_reported(10);
  this->client_->park({{"logs", 0}, {"logs", 1}});
  this->client_->resume({{"logs", 0}});
  this->produce(0, this->numbered(10, 20), 2);
  this->poll_until_reported(20);
  this->client_->resume({{"logs", 1}});
  this->produce(1, this->numbered(0, 10), 3);
  this->poll_until_reported(30);
  EXPECT_EQ(this->world_.stored(0, 20), this->numbered(0, 20));
  EXPECT_EQ(this->world_.stored(1, 10), this->numbered(0, 10));
  this->client_->park({{"logs", 1}});
}

TYPED_TEST_P(KafkaClientSuite, MetadataNamesThePartitions) {
  this->start();
  const TopicAnswer answer = this->ask();
  EXPECT_EQ(answer.topic, "logs");
  EXPECT_EQ(answer.fault, KafkaFault::none);
  EXPECT_EQ(answer.partitions, 2);
  EXPECT_EQ(answer.leaders.size(), 2u);
}

TYPED_TEST_P(KafkaClientSuite, EachQuestionHasOneAnswer) {
  this->start();
  for (int i = 0; i < 3; ++i) this->client_->request_metadata("logs");
  this->poll_until([this] { return this->events_.answers.size() >= 3; });
  this->ask();
  EXPECT_EQ(this->events_.answers.size(), 4u);
}

// Somebody answers, and the answer is no: that is another thing than nobody.
TYPED_TEST_P(KafkaClientSuite, AnUnknownTopicIsAnAnswer) {
  this->world_.set_topic_unknown(true);
  this->start();
  const TopicAnswer answer = this->ask();
  EXPECT_EQ(answer.topic, "logs");
  EXPECT_EQ(answer.fault, KafkaFault::given_back);
  EXPECT_EQ(answer.partitions, 0);
  EXPECT_FALSE(answer.name.empty());
  EXPECT_FALSE(answer.reason.empty());
  this->world_.set_topic_unknown(false);
  EXPECT_EQ(this->ask().partitions, 2);
}

TYPED_TEST_P(KafkaClientSuite, WithoutABrokerAQuestionEndsWithoutAnAnswer) {
  this->world_.set_away(true);
  this->start();
  const TopicAnswer answer = this->ask();
  EXPECT_EQ(answer.fault, KafkaFault::no_answer);
  EXPECT_EQ(answer.partitions, 0);
  EXPECT_FALSE(answer.name.empty());
}

// Only whether somebody is there: whatever topics there are, nothing is said of them.
TYPED_TEST_P(KafkaClientSuite, AQuestionWithoutATopicTellsWhetherABrokerAnswers) {
  this->world_.set_topic_unknown(true);
  this->start();
  TopicAnswer answer = this->ask("");
  EXPECT_EQ(answer.topic, "");
  EXPECT_EQ(answer.fault, KafkaFault::none);
  EXPECT_EQ(answer.partitions, 0);
  this->world_.set_away(true);
  answer = this->ask("");
  EXPECT_EQ(answer.topic, "");
  EXPECT_EQ(answer.fault, KafkaFault::no_answer);
}

// The topic is deleted: what is produced for it comes back, each record by itself, and goes when it is there again. (A
// partition that ever had more than one record at once keeps what it has: its sink gives up, KafkaSink::give_up.)
TYPED_TEST_P(KafkaClientSuite, RecordsForAnUnknownTopicAreGivenBack) {
  this->start();
  this->produce(0, {"first"}, 1);
  this->poll_until_reported(1);
  this->world_.set_topic_unknown(true);
  std::vector<const std::byte*> values;
  for (const char* text : {"a", "b", "c"}) values.push_back(this->produce(0, {text}, 2));
  this->poll_until_reported(4);
  ASSERT_EQ(this->faults().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(this->faults()[i].fault, KafkaFault::given_back);
    EXPECT_EQ(this->faults()[i].token, 2u);
    EXPECT_EQ(this->faults()[i].value, values[i]);
    EXPECT_FALSE(this->faults()[i].name.empty());
  }
  this->world_.set_topic_unknown(false);
  this->ask();
  this->produce(0, {"a", "b", "c"}, 3);
  this->poll_until_reported(7);
  EXPECT_EQ(this->world_.stored(0, 4), (typename TestFixture::Texts{"first", "a", "b", "c"}));
}

REGISTER_TYPED_TEST_SUITE_P(KafkaClientSuite, RecordsArriveInOrderAndEachIsReported, AnEmptyRecordIsARecord,
                            ARecordThatIsTooLargeStopsNoOther, ThePartitionsFirstRecordMayBeTooLarge,
                            ARecordThatTheBrokerRefusesIsReportedAndNotStored, AnOutageIsWaitedOut,
                            ARetiredClientEndsAndTheNextOneGoesOn, AParkedPartitionGoesOnWhenItIsResumed,
                            MetadataNamesThePartitions, EachQuestionHasOneAnswer, AnUnknownTopicIsAnAnswer,
                            WithoutABrokerAQuestionEndsWithoutAnAnswer,
                            AQuestionWithoutATopicTellsWhetherABrokerAnswers, RecordsForAnUnknownTopicAreGivenBack);

}  // namespace tailrace
