// Rotations at full speed, and a kill in a deep backlog.
#include <signal.h>

#include <string>

#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/kafka_fixture.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;

constexpr int kRotations = 6;
constexpr std::uint64_t kLinesAFile = 175'000;

class Rotation : public KafkaTest {
 protected:
  StreamReport verify(const LineWriter& lines) {
    StreamVerifier verifier;
    verifier.expect(lines);
    read_back(verifier);
    const StreamReport report = verifier.report();
    std::cout << "  " << report.text() << "\n";
    return report;
  }

  // As fast as the writer can: the agent is behind all the time. `glob`: whether the old names match as well.
  void rotate_by_rename(const std::string& glob) {
    make_topic();
    AgentProcess agent(config(glob));
    LineWriter lines({.writer = "w", .seed = 5}, logs_ / "app.log");
    ASSERT_TRUE(agent.start_ready());
    for (int i = 0; i < kRotations; ++i) {
      lines.write_lines(kLinesAFile);
      lines.rotate_by_rename();
    }
    lines.write_lines(kLinesAFile);
    EXPECT_TRUE(agent.wait_shipped(lines.bytes_written(), seconds(120)));
    EXPECT_TRUE(agent.wait_metrics(
        [](const MetricsText& now) {
          return now.sum("tailrace_rotations_total", {{"kind", "renamed"}}) >= kRotations &&
                 now.sum("tailrace_lost_bytes_total") == 0;
        },
        seconds(30)));
    EXPECT_EQ(agent.terminate(), kSuccess);
    const StreamReport report = verify(lines);
    EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
  }
};

TEST_F(Rotation, RenamesLoseNothingWhenOldNamesMatchToo) { rotate_by_rename("app.log*"); }
TEST_F(Rotation, RenamesLoseNothingWhenOldNamesDoNotMatch) { rotate_by_rename("app.log"); }

// Only what was cut before it was acknowledged is gone, and it is counted to the byte; everything else arrives once.
// What counts is the largest size that the agent saw, so each file is cut as soon as the agent knows how long it is.
TEST_F(Rotation, CopytruncatesLoseOnlyWhatTheMetricsSay) {
  make_topic();
  AgentProcess agent(config("app.log"));
  LineWriter lines({.writer = "w", .seed = 6}, logs_ / "app.log");
  ASSERT_TRUE(agent.start_ready());
  const auto knows_all = [&](const MetricsText& now) {
    return now.sum("tailrace_acked_bytes_total") + now.sum("tailrace_lost_bytes_total") +
               now.find("tailrace_lag_bytes", {{"stage", "acked"}}).value_or(0) ==
           static_cast<double>(lines.bytes_written());
  };
  for (int i = 0; i < kRotations; ++i) {
    lines.write_lines(kLinesAFile);
    ASSERT_TRUE(agent.wait_metrics(knows_all, seconds(60)));
    lines.rotate_by_copytruncate();
  }
  lines.write_lines(kLinesAFile);
  EXPECT_TRUE(agent.wait_metrics(
      [&](const MetricsText& now) {
        return knows_all(now) && now.find("tailrace_lag_bytes", {{"stage", "durable"}}) == 0.0;
      },
      seconds(120)));
  const auto last = agent.metrics();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(agent.terminate(), kSuccess);

  const StreamReport report = verify(lines);
  const double counted = last->sum("tailrace_lost_bytes_total", {{"reason", "truncated"}});
  figure("lost_bytes", static_cast<double>(report.lost_bytes));
  EXPECT_EQ(static_cast<double>(report.lost_bytes), counted);
  EXPECT_EQ(last->sum("tailrace_lost_bytes_total"), counted);  // no other reason
  EXPECT_EQ(last->sum("tailrace_rotations_total", {{"kind", "truncated"}}), kRotations);
  EXPECT_EQ(report.doubled_lines, 0u);
  EXPECT_EQ(report.reordered_lines, 0u);
  EXPECT_EQ(report.damaged_lines, 0u);
}

// 1,500,000 lines stand there, and the agent is killed in the middle of them.
TEST_F(Rotation, AKillInADeepBacklogLosesNothing) {
  make_topic();
  LineWriter lines({.writer = "w", .seed = 7}, logs_ / "app.log");
  lines.write_lines(1'500'000);
  AgentProcess agent(config("app.log"));
  ASSERT_TRUE(agent.start_ready());
  const double half = static_cast<double>(lines.bytes_written()) / 2;
  const auto is_half_way = [&](const MetricsText& now) { return now.sum("tailrace_acked_bytes_total") >= half; };
  ASSERT_TRUE(agent.wait_metrics(is_half_way, seconds(120)));
  agent.kill9();
  EXPECT_EQ(agent.run_once(seconds(120)), kSuccess);
  const StreamReport report = verify(lines);
  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  EXPECT_LE(report.rewinds, 1u);
  EXPECT_LE(report.doubled_bytes, 64 * kMiB);
  figure("doubled_bytes", static_cast<double>(report.doubled_bytes));
}

}  // namespace
}  // namespace tailrace::e2e
