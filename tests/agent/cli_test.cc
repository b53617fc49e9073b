// The command line of the built binary: exit statuses, and what is said where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "run_binary.h"

namespace tailrace {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Cli : public testing::Test {
 protected:
  // A config that ships nowhere, with everything of it in the scratch directory.
  std::string config(const std::string& more_agent = "", const std::string& listen = "127.0.0.1:0") {
    return scratch_.write("tailrace.toml", "[agent]\nname = \"host1\"\nstate_dir = \"" + (scratch_ / "state") +
                                               "\"\nshutdown_timeout = \"1s\"\n" + more_agent + "[http]\nlisten = \"" +
                                               listen + "\"\n[tailers.app]\ninclude = [\"" + (scratch_ / "logs") +
                                               "/*.log\"]\n[sinks.main]\ntype = \"null\"\n");
  }
  // Until `condition` holds or a minute has gone by.
  template <class Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 6000; ++i) {
      if (condition()) return true;
      poll(nullptr, 0, 10);
    }
    return false;
  }
  bool serves() { return !scratch_.read("state/http.addr").empty(); }

  ScratchDirectory scratch_;
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(Cli, HelpNamesTheCommandsThatThereAre) {
  const Ended ended = run_binary({"--help"});
  EXPECT_EQ(ended.status, 0);
  for (const char* command : {"run", "check", "validate", "status", "demo", "--version"}) {
    EXPECT_THAT(ended.out, HasSubstr(command));
  }
  for (const char* later : {"tap", "rejected", "completion", "--watch-config"}) {
    EXPECT_THAT(ended.out, Not(HasSubstr(later)));
  }
  EXPECT_EQ(ended.err, "");
}

TEST_F(Cli, EachCommandHasAHelpOfItsOwn) {
  for (const char* command : {"run", "check", "validate", "status", "demo"}) {
    const Ended ended = run_binary({command, "--help"});
    EXPECT_EQ(ended.status, 0) << command;
    EXPECT_THAT(ended.out, HasSubstr("Usage")) << command;
  }
  EXPECT_THAT(run_binary({"run", "--help"}).out, Not(HasSubstr("--watch-config")));
}

TEST_F(Cli, VersionNamesTheLibrariesAndTheEngines) {
  const Ended ended = run_binary({"--version"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, StartsWith("tailrace "));
  for (const char* part : {"\nlibrdkafka ", "\nliburing ", "\nzstd ", "threads", "sync"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
}

TEST_F(Cli, WrongUsageIsTwoAndOneLine) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"rnu"},
                                                       {"xyzzy"},
                                                       {"--no-such"},
                                                       {"run", "--no-such"},
                                                       {"run", "surplus"},
                                                       {"run", "-c"},
                                                       {"run", "--watch-config"},
                                                       {"tap"},
                                                       {"completion", "bash"},
                                                       {"status", "--url", "https://x"},
                                                       {"status", "-c", "x", "--url", "y"}};
  for (const auto& arguments : wrong) {
    const Ended ended = run_binary(arguments);
    EXPECT_EQ(ended.status, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(ended.err, StartsWith("tailrace: ")) << testing::PrintToString(arguments);
    EXPECT_EQ(lines_in(ended.err), 1u) << ended.err;
    EXPECT_EQ(ended.out, "");
  }
}

TEST_F(Cli, AMistypedCommandIsToldTheNearest) {
  EXPECT_THAT(run_binary({"chekc"}).err, HasSubstr("did you mean \"check\"?"));
  EXPECT_THAT(run_binary({"xyzzy"}).err, Not(HasSubstr("did you mean")));
}

TEST_F(Cli, AConfigThatIsMissingOrWrongIs78) {
  for (const char* command : {"run", "check", "validate"}) {
    const Ended missing = run_binary({command, "-c", scratch_ / "missing.toml"});
    EXPECT_EQ(missing.status, 78) << command;
    EXPECT_THAT(missing.err, StartsWith((scratch_ / "missing.toml") + ":")) << command;
    const std::string wrong = scratch_.write("wrong.toml", "[agent]\nnmae = \"x\"\n");
    const Ended ended = run_binary({command, "-c", wrong});
    EXPECT_EQ(ended.status, 78) << command;
    EXPECT_THAT(ended.err, HasSubstr(wrong + ":2:1: ")) << command;
    EXPECT_EQ(ended.out, "");
  }
}

TEST_F(Cli, CheckPrintsTheEffectiveConfigWhichChecksAgain) {
  const Ended ended = run_binary({"check", "-c", config()});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, testing::ContainsRegex("name *= \"host1\""));
  EXPECT_THAT(ended.out, testing::ContainsRegex("max_line *= \"512KiB\""));
  const Ended again = run_binary({"check", "-c", scratch_.write("again.toml", ended.out)});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.out, ended.out);
}

// Port 1 of this host: nobody listens there.
TEST_F(Cli, CheckConnectThatReachesNoBrokerIsOne) {
  const std::string path = scratch_.write(
      "tailrace.toml", "[tailers.app]\ninclude = [\"/nowhere/*\"]\n[sinks.main]\nbrokers = [\"127.0.0.1:1\"]\n");
  const Ended ended = run_binary({"check", "--connect", "-c", path});
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("tailrace: sink main: "));
  EXPECT_EQ(run_binary({"check", "--connect", "-c", config()}).status, 0);  // a null sink is always reached
}

TEST_F(Cli, CheckSchemaIsJsonAndNeedsNoConfig) {
  const Ended ended = run_binary({"check", "--schema", "-c", "/no/such"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_TRUE(nlohmann::json::accept(ended.out));
}

TEST_F(Cli, OnceShipsAndEndsWithZero) {
  scratch_.write("logs/a.log", "one\ntwo\n");
  const Ended ended = run_binary({"run", "--once", "-c", config()});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
}

TEST_F(Cli, OnceWithNothingMatchedIsZeroAndOneWarning) {
  const Ended ended = run_binary({"run", "--once", "-c", config()});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr("no file matches"));
}

TEST_F(Cli, DryRunPrintsTheLinesAndLeavesNothingBehind) {
  scratch_.write("logs/a.log", "one\ntwo\nunfinished");
  const Ended ended = run_binary({"run", "--once", "--dry-run", "-c", config()});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "one\ntwo\nunfinished\n");
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "state"));
}

TEST_F(Cli, SigtermDrainsAndEndsWithZero) {
  scratch_.write("logs/a.log", "one\n");
  Running agent({"run", "-c", config()});
  ASSERT_TRUE(eventually([&] { return serves(); })) << agent.err();
  agent.signal(SIGTERM);
  const Ended ended = agent.wait();
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_FALSE(serves());
}

TEST_F(Cli, SighupIsAnsweredAndSurvived) {
  Running agent({"run", "-c", config()});
  ASSERT_TRUE(eventually([&] { return serves(); })) << agent.err();
  agent.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return agent.err().find("SIGHUP") != std::string::npos; }));
  EXPECT_FALSE(agent.has_ended());
  agent.signal(SIGINT);
  EXPECT_EQ(agent.wait().status, 0);
}

TEST_F(Cli, ASecondAgentIsRefusedWithThePidOfTheFirst) {
  Running first({"run", "-c", config()});
  ASSERT_TRUE(eventually([&] { return serves(); })) << first.err();
  const Ended second = run_binary({"run", "-c", config()});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.err, HasSubstr("in use by pid " + std::to_string(first.pid())));
  EXPECT_FALSE(first.has_ended());
}

TEST_F(Cli, AStateDirThatIsNoDirectoryIs78) {
  scratch_.write("state", "a file");
  const Ended ended = run_binary({"run", "-c", config()});
  EXPECT_EQ(ended.status, 78);
  EXPECT_THAT(ended.err, HasSubstr("no directory"));
}

TEST_F(Cli, TooFewDescriptorsIsOneAndNamesTheNumberThatIsEnough) {
  const std::string path = config();
  const auto run_with = [&](rlim_t limit) {
    return run_binary({"run", "--once", "-c", path}, [limit] {
      const rlimit both{limit, limit};
      setrlimit(RLIMIT_NOFILE, &both);
    });
  };
  rlim_t least = 0;
  // With fewer the loader finds no library: what started the test may have left some open.
  for (const rlim_t limit : {12, 16, 32, 64, 100}) {
    const Ended ended = run_with(limit);
    EXPECT_EQ(ended.status, 1) << "with " << limit << ": " << ended.err;
    std::smatch number;
    ASSERT_TRUE(std::regex_search(ended.err, number, std::regex("RLIMIT_NOFILE is [0-9]+: at least ([0-9]+)")));
    least = std::stoul(number[1]);
  }
  EXPECT_EQ(run_with(least - 1).status, 1);
  const Ended enough = run_with(least);
  EXPECT_EQ(enough.status, 0) << enough.err;
}

TEST_F(Cli, StatusOfAUrlSendsTheTokenOfAFile) {
  const std::string token = scratch_.write("token", "t0ken\n");
  Running agent({"run", "-c", config("", "127.0.0.1:0\"\ntoken_file = \"" + token)});
  ASSERT_TRUE(eventually([&] { return serves(); })) << agent.err();
  std::string url = "http://" + scratch_.read("state/http.addr");
  url.erase(url.find_last_not_of('\n') + 1);
  EXPECT_EQ(run_binary({"status", "--url", url}).status, 1);
  const Ended ended = run_binary({"status", "--url", url, "--token-file", token});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("app"));
  EXPECT_EQ(run_binary({"status", "--token-file", token}).status, 2);
}

TEST_F(Cli, AnHttpPortThatIsTakenIsOne) {
  Running first({"run", "-c", config()});
  ASSERT_TRUE(eventually([&] { return serves(); })) << first.err();
  std::string address = scratch_.read("state/http.addr");
  address.pop_back();
  const ScratchDirectory other;
  const std::string path = other.write(
      "tailrace.toml", "[agent]\nstate_dir = \"" + (other / "state") + "\"\n[http]\nlisten = \"" + address +
                           "\"\n[tailers.app]\ninclude = [\"/nowhere/*\"]\n[sinks.main]\ntype = \"null\"\n");
  const Ended ended = run_binary({"run", "-c", path});
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(address));
}

TEST_F(Cli, StatusShowsARunningAgent) {
  scratch_.write("logs/a.log", "one\n");
  const std::string path = config();
  const Ended before = run_binary({"status", "-c", path});
  EXPECT_EQ(before.status, 1);
  EXPECT_EQ(lines_in(before.err), 1u);

  Running agent({"run", "-c", path});
  ASSERT_TRUE(eventually([&] { return serves(); })) << agent.err();
  const Ended table = run_binary({"status", "-c", path});
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("host1"));
  EXPECT_THAT(table.out, HasSubstr("app"));
  std::string address = scratch_.read("state/http.addr");
  address.pop_back();
  const Ended json = run_binary({"status", "--json", "--url", "http://" + address});
  EXPECT_EQ(json.status, 0) << json.err;
  EXPECT_EQ(nlohmann::json::parse(json.out)["agent"]["pid"], agent.pid());
}

}  // namespace
}  // namespace tailrace
