#include <gtest/gtest.h>

#include "agent/commands/demo_agent.h"

namespace tailrace {
namespace {

TEST(DemoLag, BytesAddUpAndSecondsAreTheWorst) {
  const DemoLag lag = parse_lag(
      "# TYPE tailrace_lag_bytes gauge\n"
      "tailrace_lag_bytes{tailer=\"app\",stage=\"read\"} 10\n"
      "tailrace_lag_bytes{tailer=\"web\",stage=\"read\"} 5\n"
      "tailrace_lag_bytes{stage=\"acked\",tailer=\"app\"} 4096\n"
      "tailrace_lag_seconds{tailer=\"app\",stage=\"durable\"} 0.25\n"
      "tailrace_lag_seconds{tailer=\"web\",stage=\"durable\"} 1.5\n"
      "tailrace_read_bytes_total{tailer=\"app\"} 99\n");
  EXPECT_EQ(lag.read.bytes, 15u);
  EXPECT_EQ(lag.acked.bytes, 4096u);
  EXPECT_EQ(lag.durable.bytes, 0u);
  EXPECT_DOUBLE_EQ(lag.durable.seconds, 1.5);
}

TEST(DemoLag, NothingThereIsNoLag) { EXPECT_EQ(parse_lag("").acked.bytes, 0u); }

}  // namespace
}  // namespace tailrace
