#include "sinks/rdkafka_question.h"

#include <gtest/gtest.h>

#include "sinks/rdkafka_handle.h"

namespace tailrace {
namespace {

// A client whose brokers are away is to end: its question does not wait for them.
TEST(RdKafkaQuestion, EndsSoonWhenItIsGivenUpWhileNobodyIsThere) {
  SinkConfig sink;
  sink.brokers = {"127.0.0.1:1"};
  auto conf = make_rdkafka_conf(sink, {});
  ASSERT_TRUE(conf);
  const auto handle = make_rdkafka_producer(*std::move(conf), false);
  ASSERT_TRUE(handle);
  int looks = 0;
  const RdKafkaAnswer found = rdkafka_ask(handle->get(), "", std::chrono::hours(1), [&looks] { return ++looks == 3; });
  EXPECT_EQ(found.answer.fault, KafkaFault::no_answer);
  EXPECT_EQ(looks, 3);
}

}  // namespace
}  // namespace tailrace
