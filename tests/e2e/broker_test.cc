// The harness's broker: a real Kafka that can be frozen, killed and started again, and a reader that is fast enough.
#include "tests/e2e/harness/broker.h"

#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <string>

#include "tests/e2e/harness/kafka_admin.h"
#include "tests/e2e/harness/line_recipe.h"
#include "tests/e2e/harness/stream_verifier.h"
#include "tests/e2e/harness/test_producer.h"
#include "tests/e2e/harness/topic_reader.h"

namespace tailrace::e2e {
namespace {

constexpr std::uint64_t kLines = 300'000;

void produce(TestProducer& producer, const LineRecipe& recipe, std::uint64_t begin, std::uint64_t end) {
  std::string line;
  for (std::uint64_t sequence = begin; sequence < end; ++sequence) {
    line.clear();
    recipe.append(sequence, line);
    producer.produce(0, std::string_view(line).substr(0, line.size() - 1));
  }
}

// Frozen it does not answer; killed and started again it still has what it had acknowledged.
TEST(Broker, SurvivesFreezeAndKillWithItsData) {
  Broker& broker = Broker::shared();
  const Topic topic(broker, "harness");
  const LineRecipe recipe{.writer = "w", .seed = 5};
  TestProducer producer(broker.bootstrap(), topic.name());
  produce(producer, recipe, 0, kLines / 2);
  ASSERT_TRUE(producer.flush());

  broker.freeze();
  EXPECT_FALSE(KafkaAdmin(broker.bootstrap()).answers(std::chrono::milliseconds(300)));
  broker.thaw();
  broker.kill9();
  broker.restart();

  produce(producer, recipe, kLines / 2, kLines);
  ASSERT_TRUE(producer.flush());
  StreamVerifier verifier;
  verifier.expect(recipe, kLines);
  const auto start = std::chrono::steady_clock::now();
  read_topic(broker.bootstrap(), topic.name(), 1,
             [&](std::int32_t p, std::string_view value) { verifier.take(p, value); });
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::cout << "read and verified " << static_cast<double>(kLines) / taken.count() << " lines/s\n";
  EXPECT_TRUE(verifier.report().is_exactly_once_in_order()) << verifier.report().text();
}

}  // namespace
}  // namespace tailrace::e2e
