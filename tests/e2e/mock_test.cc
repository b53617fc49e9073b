// Kafka's protocol without Kafka: librdkafka's mock cluster, its refusals and its silence.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <filesystem>
#include <string>

#include "tests/e2e/harness/agent_process.h"
#include "tests/e2e/harness/command.h"
#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/harness/mock_broker.h"
#include "tests/e2e/harness/printers.h"
#include "tests/e2e/harness/stream_verifier.h"
#include "tests/e2e/harness/topic_reader.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;

constexpr ExitStatus kSuccess{.code = 0};
constexpr seconds kSoon{60};

class Mock : public ::testing::Test {
 protected:
  Mock() { broker_.create_topic("logs", 1); }

  AgentConfig config() {
    AgentConfig result;
    result.include = {logs_ / "*.log"};
    result.brokers = broker_.bootstrap();
    result.topic = "logs";
    result.memory = "4MiB";
    result.tailer_lines = "max_line = \"64KiB\"";
    return result;
  }
  StreamReport verify(const LineWriter& lines) {
    StreamVerifier verifier;
    verifier.expect(lines);
    read_topic(broker_.bootstrap(), "logs", 1,
               [&](std::int32_t p, std::string_view value) { verifier.take(p, value); });
    return verifier.report();
  }

  MockBroker broker_;
  TempDir logs_{"logs"};
  LineWriter lines_{{.writer = "w", .seed = 2}, logs_ / "app.log"};
};

TEST_F(Mock, LinesArriveOnceInOrder) {
  AgentProcess agent(config());
  lines_.write_lines(5'000);
  ASSERT_TRUE(agent.start_ready());
  const auto first = agent.metrics();
  ASSERT_TRUE(first.has_value());
  for (const char* name :
       {"tailrace_kafka_broker_rtt_seconds", "tailrace_kafka_retries_total", "tailrace_kafka_errors_total"})
    EXPECT_TRUE(first->has(name)) << name << " is not there from the start";
  lines_.write_lines(5'000);
  EXPECT_TRUE(agent.wait_shipped(lines_.bytes_written(), kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
  const StreamReport report = verify(lines_);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

// The agent is ready without a broker, says that it has none, and goes on by itself when it comes.
TEST_F(Mock, ABrokerThatIsDownAtTheStartIsWaitedFor) {
  broker_.go_down();
  lines_.write_lines(5'000);
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_EQ(agent.get_status("/readyz?sinks"), 503);
  EXPECT_TRUE(agent.wait_metrics([](const MetricsText& now) { return now.find("tailrace_sink_up") == 0.0; }, kSoon));
  EXPECT_EQ(agent.metric("tailrace_lag_bytes", {{"stage", "acked"}}), static_cast<double>(lines_.bytes_written()));
  broker_.come_up();
  EXPECT_TRUE(agent.wait_shipped(lines_.bytes_written(), kSoon));
  EXPECT_EQ(agent.get_status("/readyz?sinks"), 200);
  EXPECT_EQ(agent.terminate(), kSuccess);
  const StreamReport report = verify(lines_);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

// Nothing to ship: connected at the start, and whether a broker can be reached is told all the same.
TEST_F(Mock, WithNothingToShipTheSinkIsConnectedAndItsBrokersWatched) {
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  const auto is_up = [](double up) {
    return [up](const MetricsText& now) { return now.find("tailrace_sink_up") == up; };
  };
  EXPECT_TRUE(wait_until([&] { return agent.get_status("/readyz?sinks") == 200; }, kSoon));
  broker_.go_down();
  EXPECT_TRUE(agent.wait_metrics(is_up(0), kSoon));
  EXPECT_EQ(agent.get_status("/readyz?sinks"), 200) << "it has been connected once";
  broker_.come_up();
  EXPECT_TRUE(agent.wait_metrics(is_up(1), kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// Each broker that keeps the agent away is named by its cause, by a running agent and by `check --connect`.
TEST_F(Mock, BrokersThatDoNotAnswerAreNamed) {
  AgentConfig away = config();
  away.brokers = "127.0.0.1:1,no-such-host.invalid:9092";
  AgentProcess agent(away);
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(agent.wait_metrics([](const MetricsText& now) { return now.find("tailrace_sink_up") == 0.0; }, kSoon));
  EXPECT_EQ(agent.get_status("/readyz?sinks"), 503);
  const std::string reason = agent.status()["sinks"][0].value("reason", "");
  EXPECT_NE(reason.find("127.0.0.1:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused"), std::string::npos)
      << reason;
  EXPECT_NE(reason.find("no-such-host.invalid:9092: the name does not resolve"), std::string::npos) << reason;
  EXPECT_EQ(agent.terminate(), kSuccess);

  const CommandResult nobody = run_command({"check", "-c", agent.config_path(), "--connect"});
  EXPECT_EQ(nobody.exit, ExitStatus{.code = 1});
  for (const char* part :
       {"broker 127.0.0.1:1: Connect", "broker no-such-host.invalid:9092: the name does not resolve"})
    EXPECT_NE(nobody.err.find(part), std::string::npos) << nobody.err;

  away.brokers = broker_.bootstrap() + ",127.0.0.1:1";
  AgentProcess half(away);
  ASSERT_TRUE(half.start_ready());
  const CommandResult one = run_command({"check", "-c", half.config_path(), "--connect"});
  EXPECT_EQ(one.exit, ExitStatus{.code = 1});
  EXPECT_NE(one.err.find("a broker does not answer: 127.0.0.1:1"), std::string::npos) << one.err;
}

TEST_F(Mock, RefusalsThatPassAreWaitedOutInOrder) {
  broker_.refuse_produce({RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                          RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT});
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  for (int i = 0; i < 20; ++i) {
    lines_.write_lines(500);
    pause(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(agent.wait_shipped(lines_.bytes_written(), kSoon));
  EXPECT_EQ(agent.metric("tailrace_rejected_records_total", {{"reason", "invalid"}}), 0.0);
  EXPECT_EQ(agent.terminate(), kSuccess);
  const StreamReport report = verify(lines_);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

TEST_F(Mock, AKillInTheMiddleLosesNothing) {
  broker_.set_answer_time(50);  // so that there is a middle
  lines_.write_lines(30'000);
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(
      agent.wait_metrics([](const MetricsText& now) { return now.sum("tailrace_acked_bytes_total") > 0; }, kSoon));
  agent.kill9();
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  const StreamReport report = verify(lines_);
  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  EXPECT_LE(report.rewinds, 1u);
}

// A second signal ends it at once, and what was not shipped is shipped by the next run.
TEST_F(Mock, ASecondSignalEndsItAtOnceAndLosesNothing) {
  broker_.go_down();
  lines_.write_lines(5'000);
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait_exit(seconds(1)), std::nullopt);  // it waits for acknowledgements, 25 s at most
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait_exit(seconds(10)), (ExitStatus{.code = 128 + SIGTERM}));
  broker_.come_up();
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  const StreamReport report = verify(lines_);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

TEST_F(Mock, ShutdownEndsAfterItsTimeoutEvenWithoutABroker) {
  broker_.go_down();
  lines_.write_lines(10);
  AgentConfig settings = config();
  settings.agent_lines = "shutdown_timeout = \"1s\"";
  AgentProcess agent(settings);
  ASSERT_TRUE(agent.start_ready());
  EXPECT_EQ(agent.terminate(seconds(20)), kSuccess);
}

}  // namespace
}  // namespace tailrace::e2e
