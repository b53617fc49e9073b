// state_dir under the real binary: damaged, removed, mounted over, somebody else's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <regex>
#include <string>

#include "tests/e2e/files_fixture.h"
#include "tests/e2e/harness/command.h"

namespace tailrace::e2e {
namespace {

using ::testing::HasSubstr;

constexpr ExitStatus kFailed{.code = 1};
constexpr ExitStatus kConfig{.code = 78};
constexpr uid_t kNobody = 65534;

class StateDirectory : public FilesTest {
 protected:
  // Until all of the first file's lines are durable.
  static bool is_durable(AgentProcess& agent) {
    return agent.wait_metrics(
        [](const MetricsText& now) { return now.find("tailrace_lag_bytes", {{"stage", "durable"}}) == 0.0; }, kSoon);
  }
  static bool has_errors(AgentProcess& agent) {
    return agent.wait_metrics(
        [](const MetricsText& now) { return now.find("tailrace_checkpoint_errors_total") >= 1.0; }, kSoon);
  }
};

// Damages the journal's first record that names `tailer`: with it go all behind it.
void damage(const std::string& journal, const std::string& tailer) {
  std::string bytes = read_text_file(journal);
  std::size_t at = 4096;
  while (at + 8 < bytes.size()) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    ASSERT_GT(length, 0U) << "no record names " << tailer;
    if (bytes.substr(at + 8, length).find(tailer) != std::string::npos) break;
    at += 8 + length;
  }
  bytes[at + 12] = static_cast<char>(bytes[at + 12] ^ 0xff);
  write_text_file(journal, bytes);
}

// The damage may have taken what said that the tailer started long ago. A start that fails must not make the next one
// the first, which would begin at the end.
TEST_F(StateDirectory, WhatADamagedJournalTellsOutlivesAStartThatFails) {
  AgentProcess blocker(config("*.blocker"));
  ASSERT_TRUE(blocker.start_ready());
  std::string taken = read_text_file(blocker.state_dir() + "/http.addr");
  taken = taken.substr(0, taken.find('\n'));

  for (int i = 0; i < 20; ++i) write_text_file(log("app" + std::to_string(i) + ".log"), "of app\n");
  write_text_file(log("a.late"), "old\n");
  AgentConfig settings = config();
  settings.more = "[tailers.late]\ninclude = [\"" + log("*.late") + "\"]\nstart_at = \"end\"\n";
  AgentProcess agent(settings);
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(is_durable(agent));
  EXPECT_EQ(agent.terminate(), kSuccess);
  append_text_file(log("a.late"), "written while down\n");

  const std::string journal = agent.state_dir() + "/checkpoints";
  damage(journal, "late");
  const std::string bytes = read_text_file(journal);
  agent.config().listen = taken;
  agent.start();
  EXPECT_EQ(agent.wait_exit(kSoon), kFailed);
  EXPECT_EQ(read_text_file(journal), bytes);
  agent.config().listen = "127.0.0.1:0";
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints_line(agent, "written while down"));
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_EQ(blocker.terminate(), kSuccess);
}

TEST_F(StateDirectory, IsMadeAnewWhenItIsRemovedAndNothingIsDoubledBehindIt) {
  write_text_file(log("other.log"), "of another file\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "of another file\n"));
  ASSERT_TRUE(is_durable(agent));
  std::filesystem::remove_all(agent.state_dir());
  write_text_file(log(), "behind it\n");
  EXPECT_TRUE(prints(agent, "of another file\nbehind it\n"));
  EXPECT_TRUE(has_errors(agent));
  EXPECT_THAT(agent.stderr_text(), HasSubstr("was removed"));
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(agent.state_dir() + "/checkpoints"); }, kSoon));
  ASSERT_TRUE(is_durable(agent));
  struct stat stat{};
  ASSERT_EQ(::stat(agent.state_dir().c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777U, 0700U);
  // The lock is there again, and held.
  AgentConfig settings = config();
  settings.state_dir = agent.state_dir();
  settings.listen = "";
  settings.agent_lines = "shutdown_timeout = \"100ms\"";
  write_text_file(logs_ / "second.toml", settings.toml());
  const CommandResult second = run_command({"run", "-c", logs_ / "second.toml"});
  EXPECT_EQ(second.exit, kFailed);
  EXPECT_THAT(second.err, HasSubstr("pid " + std::to_string(agent.pid())));
  agent.kill9();
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_TRUE(prints(agent, "of another file\nbehind it\n"));
}

// As a mount over it does: the old directory is there, and no path leads to it.
TEST_F(StateDirectory, IsWrittenWhereItsPathLeadsNow) {
  write_text_file(log(), "one\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(is_durable(agent));
  std::filesystem::rename(agent.state_dir(), agent.state_dir() + ".hidden");
  std::filesystem::create_directory(agent.state_dir());
  append_text_file(log(), "two\n");
  EXPECT_TRUE(has_errors(agent));
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(agent.state_dir() + "/checkpoints"); }, kSoon));
  ASSERT_TRUE(is_durable(agent));
  agent.kill9();
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_TRUE(prints(agent, "one\ntwo\n"));
}

TEST_F(StateDirectory, OfAnotherUserIsRefusedByRunAndCheckAndNothingInItIsTouched) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a directory that is somebody else's";
  const std::string state = logs_ / "state";
  std::filesystem::create_directory(state);
  for (const char* name : {"lock", "http.addr", "checkpoints"}) {
    write_text_file(logs_ / std::string(name) + ".secret", "root's own");
    std::filesystem::create_symlink(logs_ / std::string(name) + ".secret", state + "/" + name);
  }
  ASSERT_EQ(::chown(state.c_str(), kNobody, kNobody), 0);
  AgentConfig settings = config();
  settings.state_dir = state;
  write_text_file(logs_ / "tailrace.toml", settings.toml());
  for (const char* command : {"run", "check"}) {
    const CommandResult result = run_command({command, "-c", logs_ / "tailrace.toml"});
    EXPECT_EQ(result.exit, kConfig) << command;
    EXPECT_TRUE(
        std::regex_search(result.err, std::regex("tailrace\\.toml:[0-9]+:1[0-9]: agent\\.state_dir: .*belongs")))
        << result.err;
  }
  for (const char* name : {"lock", "http.addr", "checkpoints"}) {
    EXPECT_EQ(read_text_file(logs_ / std::string(name) + ".secret"), "root's own");
  }
}

TEST_F(StateDirectory, ThatOthersMayWriteToIsMadeSafeOnce) {
  const std::string state = logs_ / "state";
  std::filesystem::create_directory(state);
  ASSERT_EQ(::chmod(state.c_str(), 0777), 0);
  write_text_file(log(), "one\n");
  AgentConfig settings = config();
  settings.state_dir = state;
  AgentProcess agent(settings);
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  struct stat stat{};
  ASSERT_EQ(::stat(state.c_str(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777U, 0755U);
  const std::string said = agent.stderr_text();
  EXPECT_THAT(said, HasSubstr("others could write to it (mode 0777)"));
  EXPECT_EQ(said.find("others could write"), said.rfind("others could write")) << said;
}

TEST_F(StateDirectory, WhoseJournalIsALinkIsRefusedAndTheLinkNotFollowed) {
  const std::string state = logs_ / "state";
  std::filesystem::create_directory(state);
  write_text_file(logs_ / "secret", "somebody's own");
  std::filesystem::create_symlink(logs_ / "secret", state + "/checkpoints");
  AgentConfig settings = config();
  settings.state_dir = state;
  write_text_file(logs_ / "tailrace.toml", settings.toml());
  for (const char* command : {"run", "check"}) {
    const CommandResult result = run_command({command, "-c", logs_ / "tailrace.toml"});
    EXPECT_EQ(result.exit, kConfig) << command << result.err;
    EXPECT_THAT(result.err, HasSubstr("symbolic link"));
  }
  EXPECT_EQ(read_text_file(logs_ / "secret"), "somebody's own");
}

}  // namespace
}  // namespace tailrace::e2e
