// A password that is rotated while the agent runs: first on the broker, then in the file that the config names.
#include <memory>
#include <string>
#include <utility>

#include "tests/e2e/harness/command.h"
#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/harness/text_file.h"
#include "tests/e2e/kafka_fixture.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;

constexpr seconds kSoon{60};

// All share a broker, whose password goes on changing.
class Secrets : public ::testing::Test {
 public:
  static void SetUpTestSuite() { broker_ = std::make_unique<Broker>(BrokerOptions{.password = password_}); }
  static void TearDownTestSuite() { broker_.reset(); }

 protected:
  AgentConfig config() const {
    AgentConfig result;
    result.include = {logs_ / "*.log"};
    result.brokers = broker_->sasl_bootstrap();
    result.topic = topic_.name();
    result.more =
        "[sinks.main.sasl]\nmechanism = \"PLAIN\"\nusername = \"app\"\npassword = \"${file:" + (logs_ / "password") +
        "}\"\n";
    return result;
  }
  std::string reason(AgentProcess& agent) const {
    const nlohmann::json status = agent.status();
    return status.is_null() ? "" : status["sinks"][0].value("reason", "");
  }

  static inline std::string password_ = "pw-7f-1";
  static inline std::unique_ptr<Broker> broker_;
  Topic topic_{*broker_, "secrets"};
  TempDir logs_{"logs"};
};

TEST_F(Secrets, ARotatedPasswordIsUsedAndNothingIsLostOrDoubled) {
  write_text_file(logs_ / "password", password_ + "\n");
  LineWriter lines({.writer = "w", .seed = 4}, logs_ / "app.log");
  AgentProcess agent(config());
  lines.write_lines(20'000);
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(agent.wait_shipped(lines.bytes_written(), kSoon));
  EXPECT_EQ(agent.get_status("/readyz?sinks"), 200);

  const std::string old = std::exchange(password_, password_ + "2");
  broker_->change_password(password_);
  lines.write_lines(20'000);
  EXPECT_TRUE(wait_until([&] { return reason(agent).find("uthenticat") != std::string::npos; }, kSoon))
      << reason(agent);
  EXPECT_EQ(agent.metric("tailrace_sink_up"), 0.0);
  const CommandResult check = run_command({"check", "-c", agent.config_path(), "--connect"});
  EXPECT_EQ(check.exit, ExitStatus{.code = 1});
  EXPECT_NE(check.err.find("broker " + broker_->sasl_bootstrap() + ": authentication failed"), std::string::npos)
      << check.err;

  write_text_file(logs_ / "password", password_ + "\n");
  EXPECT_TRUE(agent.wait_shipped(lines.bytes_written(), kSoon));
  EXPECT_EQ(agent.metric("tailrace_sink_up"), 1.0);
  EXPECT_EQ(agent.metric("tailrace_rebuilt_producers_total"), 0.0);
  EXPECT_EQ(agent.terminate(), kSuccess);
  for (const std::string& text : {agent.stderr_text(), check.out, check.err}) {
    EXPECT_EQ(text.find(old), std::string::npos) << text;  // the new one begins with it
  }

  StreamVerifier verifier;
  verifier.expect(lines);
  read_topic(broker_->bootstrap(), topic_.name(), 1,
             [&](std::int32_t partition, std::string_view value) { verifier.take(partition, value); });
  const StreamReport report = verifier.report();
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
}

}  // namespace
}  // namespace tailrace::e2e
