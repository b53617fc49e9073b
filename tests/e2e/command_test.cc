// The command line and the life of the process, seen from outside: exit statuses, signals, the lock, HTTP.
#include "tests/e2e/harness/command.h"

#include <signal.h>

#include <regex>
#include <string>

#include "tests/e2e/files_fixture.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr ExitStatus kFailed{.code = 1};
constexpr ExitStatus kUsage{.code = 2};
constexpr ExitStatus kConfig{.code = 78};

class Command : public FilesTest {
 protected:
  // `run` on a config of this text: what it says before it ends.
  CommandResult run_config(const std::string& text) {
    write_text_file(path_, text);
    return run_command({"run", "--once", "-c", path_}, kSoon);
  }
  std::string valid() {
    AgentConfig result = config();
    result.state_dir = logs_ / "state";
    return result.toml();
  }
  std::string path_ = logs_ / "tailrace.toml";
};

TEST_F(Command, VersionAndHelpExitWithZero) {
  const CommandResult version = run_command({"--version"});
  EXPECT_EQ(version.exit, kSuccess);
  for (const char* part : {"tailrace", "librdkafka", "io_uring"}) EXPECT_THAT(version.out, HasSubstr(part));
  const CommandResult help = run_command({"--help"});
  EXPECT_EQ(help.exit, kSuccess);
  for (const char* part : {"run", "check", "demo"}) EXPECT_THAT(help.out, HasSubstr(part));
}

TEST_F(Command, WrongUsageExitsWithTwo) {
  EXPECT_EQ(run_command({"frobnicate"}).exit, kUsage);
  EXPECT_EQ(run_command({"run", "--no-such-option"}).exit, kUsage);
}

TEST_F(Command, AWrongConfigExitsWith78AndOneLineEach) {
  const CommandResult result = run_config(valid() + "[tailers.two]\ninclude = [\"relative/*.log\"]\nincldue = []\n");
  EXPECT_EQ(result.exit, kConfig);
  EXPECT_THAT(result.err, HasSubstr("did you mean \"include\""));
  EXPECT_TRUE(std::regex_search(result.err, std::regex("tailrace\\.toml:[0-9]+:[0-9]+: "))) << result.err;
  EXPECT_GE(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
}

TEST_F(Command, AMissingConfigExitsWith78) {
  const CommandResult result = run_command({"run", "-c", logs_ / "nowhere.toml"});
  EXPECT_EQ(result.exit, kConfig);
  EXPECT_THAT(result.err, HasSubstr("nowhere.toml"));
}

TEST_F(Command, AStateDirThatIsAFileExitsWith78) {
  write_text_file(logs_ / "state", "a file");
  const CommandResult result = run_config(valid());
  EXPECT_EQ(result.exit, kConfig) << result.err;
  EXPECT_TRUE(std::regex_search(result.err, std::regex("tailrace\\.toml:[0-9]+:1[0-9]: agent\\.state_dir: ")))
      << result.err << "not where the value stands";
}

// librdkafka refuses it only when a producer is made, which the first agents did not survive.
TEST_F(Command, AFileThatTheConfigNamesAndThatIsMissingExitsWith78) {
  AgentConfig settings = config();
  settings.sink_type = "kafka";
  settings.brokers = "127.0.0.1:1";
  settings.topic = "logs";
  settings.state_dir = logs_ / "state";
  settings.more = "[sinks.main.tls]\nca = \"/nowhere/ca.pem\"\n";
  const CommandResult run = run_config(settings.toml());
  EXPECT_EQ(run.exit, kConfig) << run.err;
  EXPECT_TRUE(std::regex_search(run.err, std::regex("tailrace\\.toml:[1-9][0-9]+:[0-9]+: .*ssl\\.ca\\.location")))
      << run.err;
  EXPECT_EQ(run_command({"check", "-c", path_}).exit, kConfig);
  settings.more = "";
  std::string text = settings.toml();
  text.replace(text.find("[http]"), 6, "[http]\ntoken_file = \"/nowhere/token\"");
  write_text_file(path_, text);
  const CommandResult check = run_command({"check", "-c", path_});
  EXPECT_EQ(check.exit, kConfig) << check.err;
  EXPECT_THAT(check.err, HasSubstr("http.token_file: open /nowhere/token"));
}

TEST_F(Command, CheckSaysWhatCounts) {
  write_text_file(path_, valid());
  const CommandResult good = run_command({"check", "-c", path_});
  EXPECT_EQ(good.exit, kSuccess) << good.err;
  EXPECT_THAT(good.out, HasSubstr("max_line"));
  write_text_file(path_, valid() + "nonsense = 1\n");
  EXPECT_EQ(run_command({"validate", "-c", path_}).exit, kConfig);
}

TEST_F(Command, ASecondAgentOnTheSameStateDirIsRefusedWithTheOthersPid) {
  AgentProcess first(config());
  ASSERT_TRUE(first.start_ready());
  AgentConfig settings = config();
  settings.state_dir = first.state_dir();
  settings.agent_lines = "shutdown_timeout = \"1s\"";
  settings.listen = "";
  write_text_file(path_, settings.toml());
  const CommandResult second = run_command({"run", "-c", path_});
  EXPECT_EQ(second.exit, kFailed);
  EXPECT_THAT(second.err, HasSubstr(std::to_string(first.pid())));
  write_text_file(log(), "still at work\n");
  EXPECT_TRUE(prints(first, "still at work\n"));
  EXPECT_EQ(first.terminate(), kSuccess);
}

TEST_F(Command, ASecondAgentWaitsForTheFirstToEnd) {
  AgentProcess first(config());
  ASSERT_TRUE(first.start_ready());
  AgentConfig settings = config();
  settings.state_dir = first.state_dir();
  AgentProcess second(settings);
  second.start();
  EXPECT_EQ(first.terminate(), kSuccess);
  EXPECT_TRUE(wait_until([&] { return second.get_status("/readyz") == 200; }, kSoon));
  EXPECT_EQ(second.terminate(), kSuccess);
}

TEST_F(Command, SigtermShipsWhatTheFilesHeldWhenItCame) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "a line of some forty bytes, number " + std::to_string(i) + "\n";
  write_text_file(log(), text);
  AgentConfig settings = config();
  settings.agent_lines = "shutdown_timeout = \"120s\"";
  AgentProcess agent(settings);
  ASSERT_TRUE(agent.start_ready());
  EXPECT_EQ(agent.terminate(seconds(120)), kSuccess);
  EXPECT_TRUE(agent.stdout_text() == text) << agent.stdout_text().size() << " of " << text.size() << " bytes";
}

TEST_F(Command, DryRunPrintsRecordsAndStoresNothing) {
  write_text_file(log(), "one\ntwo\n");
  AgentConfig settings = config();
  settings.sink_type = "kafka";
  settings.brokers = "127.0.0.1:1";  // nobody
  settings.topic = "logs";
  AgentProcess agent(settings);
  EXPECT_EQ(agent.run_once(kSoon, {"--dry-run"}), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "one\ntwo\n");
  EXPECT_EQ(agent.run_once(kSoon, {"--dry-run"}), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "one\ntwo\none\ntwo\n");
}

TEST_F(Command, AnHttpPortThatIsTakenIsAFailure) {
  AgentProcess first(config());
  ASSERT_TRUE(first.start_ready());
  std::string address = read_text_file(first.state_dir() + "/http.addr");
  address = address.substr(0, address.find('\n'));
  AgentConfig settings = config();
  settings.listen = address;
  AgentProcess second(settings);
  second.start();
  EXPECT_EQ(second.wait_exit(kSoon), kFailed);
  EXPECT_THAT(second.stderr_text(), HasSubstr(address));
  EXPECT_EQ(first.terminate(), kSuccess);
}

TEST_F(Command, PagesAnswerGetAndHeadOnly) {
  write_text_file(log(), "one\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  for (const char* page : {"/", "/metrics", "/healthz", "/readyz", "/status.json"}) {
    EXPECT_EQ(agent.get_status(page), 200) << page;
    EXPECT_EQ(agent.get_status(page, "HEAD"), 200) << page;
    EXPECT_EQ(agent.get_status(page, "POST"), 405) << page;
  }
  EXPECT_EQ(agent.get_status("/nowhere"), 404);
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(Command, StatusAndMetricsTellTheSame) {
  write_text_file(log(), "one\ntwo\nunfinished");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) { return now.find("tailrace_lag_bytes", {{"stage", "durable"}}) == 10.0; }, kSoon));
  const auto metrics = agent.metrics();
  ASSERT_TRUE(metrics.has_value());
  EXPECT_EQ(metrics->find("tailrace_acked_lines_total", {{"tailer", "app"}, {"sink", "main"}}), 2.0);
  EXPECT_EQ(metrics->find("tailrace_lost_bytes_total", {{"tailer", "app"}, {"reason", "truncated"}}), 0.0);
  EXPECT_TRUE(metrics->has("process_cpu_seconds_total"));
  EXPECT_GT(metrics->find("tailrace_config_last_reload_timestamp_seconds"), 1.7e9);
  const nlohmann::json status = agent.status();
  ASSERT_TRUE(status.is_object());
  EXPECT_EQ(status["agent"]["name"], "e2e");
  EXPECT_EQ(status["agent"]["pid"], agent.pid());
  ASSERT_EQ(status["tailers"].size(), 1u);
  EXPECT_EQ(status["tailers"][0]["lag"]["acked"]["bytes"], 10);
  ASSERT_EQ(status["tailers"][0]["files_lagging"].size(), 1u);
  const nlohmann::json& file = status["tailers"][0]["files_lagging"][0];
  EXPECT_EQ(file["path"], log());
  EXPECT_EQ(file["size"], 18);
  EXPECT_EQ(file["acked"], 8);
  EXPECT_EQ(file["durable"], 8);
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// A read-only state_dir has no http.addr; the config's own port is enough.
TEST_F(Command, StatusFindsTheAgentByTheConfigsPort) {
  AgentConfig settings = config();
  {
    AgentProcess first(settings);
    ASSERT_TRUE(first.start_ready());
    const std::string address = read_text_file(first.state_dir() + "/http.addr");
    settings.listen = address.substr(0, address.find('\n'));  // free again once it has ended
    EXPECT_EQ(first.terminate(), kSuccess);
  }
  settings.state_dir = logs_ / "state";
  AgentProcess agent(settings);
  ASSERT_TRUE(agent.start_ready());
  std::filesystem::remove(settings.state_dir + "/http.addr");
  write_text_file(path_, settings.toml());
  const CommandResult status = run_command({"status", "-c", path_});
  EXPECT_EQ(status.exit, kSuccess) << status.err;
  EXPECT_THAT(status.out, HasSubstr("app"));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

class Engine : public FilesTest, public ::testing::WithParamInterface<const char*> {};

// One large file and many small ones, through each way of reading.
TEST_P(Engine, ShipsLargeAndSmallFiles) {
  std::string large;
  for (int i = 0; i < 200'000; ++i) large += "a line of the large file, number " + std::to_string(i) + "\n";
  write_text_file(log("large.log"), large);
  std::size_t bytes = large.size();
  for (int i = 0; i < 500; ++i) {
    const std::string text = "small file " + std::to_string(i) + "\n";
    write_text_file(log("small" + std::to_string(i) + ".log"), text);
    bytes += text.size();
  }
  AgentConfig settings = config();
  settings.engine = GetParam();
  AgentProcess agent(settings);
  if (!agent.start_ready()) {
    if (std::string(GetParam()) == "io_uring") GTEST_SKIP() << "no io_uring here: " << agent.stderr_text();
    FAIL() << agent.stderr_text();
  }
  EXPECT_TRUE(agent.wait_metrics(
      [&](const MetricsText& now) { return now.sum("tailrace_acked_bytes_total") == static_cast<double>(bytes); },
      kSoon));
  EXPECT_EQ(agent.metric("tailrace_build_info", {{"engine", GetParam()}}), 1.0);
  EXPECT_EQ(agent.terminate(), kSuccess);
  const std::string out = agent.stdout_text();
  EXPECT_EQ(out.size(), bytes);
  // Every small line is there, and the large file's lines stand in order.
  std::size_t at = 0;
  for (int i = 0; i < 200'000; ++i) {
    at = out.find("a line of the large file, number " + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  for (int i = 0; i < 500; ++i) EXPECT_NE(out.find("small file " + std::to_string(i) + "\n"), std::string::npos) << i;
}

INSTANTIATE_TEST_SUITE_P(Engines, Engine, ::testing::Values("io_uring", "threads", "sync"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
}  // namespace tailrace::e2e
