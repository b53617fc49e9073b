// Files that are cut, removed, renamed and found again, while the agent runs and while it does not.
#include <signal.h>

#include <filesystem>
#include <string>

#include "tests/e2e/files_fixture.h"

namespace tailrace::e2e {
namespace {

using ::testing::HasSubstr;
using FileLife = FilesTest;

bool counts(AgentProcess& agent, const std::string& name, const Labels& labels, double least) {
  return agent.wait_metrics([&](const MetricsText& now) { return now.sum(name, labels) >= least; }, kSoon);
}

int deleted_files_held(pid_t pid) {
  int held = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    if (target.ends_with(".log (deleted)")) ++held;
  }
  return held;
}

TEST_F(FileLife, ARestartShipsNothingTwice) {
  write_text_file(log(), "one\ntwo\n");
  AgentProcess agent(config());
  std::string expected = "one\ntwo\n";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(agent.start_ready());
    const std::string text = "run " + std::to_string(i) + "\n";
    append_text_file(log(), text);
    expected += text;
    EXPECT_TRUE(prints(agent, expected));
    EXPECT_EQ(agent.terminate(), kSuccess);
  }
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.stdout_text(), expected);
}

TEST_F(FileLife, WhatWasWrittenWhileDownIsShippedAtTheNextStart) {
  write_text_file(log(), "one\n");
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  append_text_file(log(), "two\n");
  write_text_file(log("new.log"), "three\n");
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_TRUE(prints_line(agent, "two"));
  EXPECT_TRUE(prints_line(agent, "three"));
  EXPECT_EQ(agent.stdout_text().size(), std::string("one\ntwo\nthree\n").size());
}

TEST_F(FileLife, ATruncatedFileStartsAgainAtZero) {
  write_text_file(log(), "one\ntwo\nthree\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\n"));
  std::filesystem::resize_file(log(), 0);
  append_text_file(log(), "four\n");
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\nfour\n"));
  EXPECT_TRUE(counts(agent, "tailrace_rotations_total", {{"kind", "truncated"}}, 1));
  EXPECT_EQ(agent.metric("tailrace_lost_bytes_total", {{"reason", "truncated"}}), 0.0);  // all of it had been shipped
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// Between two looks at it the file is cut and grows past its old size: the size alone says nothing.
TEST_F(FileLife, AFileTruncatedAndRegrownPastTheOldOffsetIsReadFromItsBeginning) {
  write_text_file(log(), "one\ntwo\nthree\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\n"));
  agent.signal(SIGSTOP);
  const std::string text = "other first line\nother second line\nother third line\n";
  write_text_file(log(), text);
  agent.signal(SIGCONT);
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\n" + text));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(FileLife, AFileTruncatedAndRegrownWhileDownIsReadFromItsBeginning) {
  write_text_file(log(), "one\ntwo\nthree\n");
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  const std::string text = "other first line\nother second line\nother third line\n";
  write_text_file(log(), text);
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "one\ntwo\nthree\n" + text);
}

TEST_F(FileLife, ADeletedFileIsReadToItsEndAndThenHeldNoLonger) {
  write_text_file(log(), "one\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "one\n"));
  append_text_file(log(), "two\n");
  EXPECT_TRUE(prints(agent, "one\ntwo\n"));
  agent.signal(SIGSTOP);
  append_text_file(log(), "three\nlast words");
  std::filesystem::remove(log());
  agent.signal(SIGCONT);
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\nlast words\n"));  // its end comes no more: shipped as it is
  EXPECT_TRUE(wait_until([&] { return deleted_files_held(agent.pid()) == 0; }, kSoon));
  EXPECT_TRUE(counts(agent, "tailrace_rotations_total", {{"kind", "deleted"}}, 1));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(FileLife, ANewFileUnderADeletedOnesNameIsNew) {
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  std::string expected;
  for (int i = 0; i < 5; ++i) {  // small file systems give the same inode again
    write_text_file(log(), "same first line\nlife " + std::to_string(i) + "\n");
    expected += "same first line\nlife " + std::to_string(i) + "\n";
    EXPECT_TRUE(prints(agent, expected));
    std::filesystem::remove(log());
  }
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// app.log.1 matches no glob; it is known by what it is, not by its name.
TEST_F(FileLife, AFileRenamedWhileDownIsFinishedOutsideTheGlob) {
  write_text_file(log(), "one\ntwo\n");
  AgentProcess agent(config("app.log"));
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  append_text_file(log(), "three\n");
  std::filesystem::rename(log(), log("app.log.1"));
  write_text_file(log(), "four\n");
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\nfour\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(FileLife, AFileRenamedWithinTheGlobShipsOnce) {
  write_text_file(log(), "one\n");
  AgentProcess agent(config("app.log*"));
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "one\n"));
  std::filesystem::rename(log(), log("app.log.1"));
  append_text_file(log("app.log.1"), "two\n");  // its writer has not noticed yet
  write_text_file(log(), "three\n");
  EXPECT_TRUE(prints_line(agent, "three"));
  EXPECT_TRUE(prints(agent, "one\ntwo\nthree\n"));
  EXPECT_TRUE(counts(agent, "tailrace_rotations_total", {{"kind", "renamed"}}, 1));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(FileLife, StartAtEndShipsOnlyWhatComesAfterTheFirstStart) {
  write_text_file(log(), "old\n");
  AgentConfig with_end = config();
  with_end.tailer_lines = "start_at = \"end\"";
  AgentProcess agent(with_end);
  ASSERT_TRUE(agent.start_ready());
  append_text_file(log(), "appended\n");
  EXPECT_TRUE(prints(agent, "appended\n"));
  write_text_file(log("later.log"), "from its beginning\n");
  EXPECT_TRUE(prints(agent, "appended\nfrom its beginning\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
  write_text_file(log("while_down.log"), "also from its beginning\n");
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "appended\nfrom its beginning\nalso from its beginning\n");
}

// The positions of start_at = "end" are checkpointed at once: a kill does not bring the old lines back.
TEST_F(FileLife, StartAtEndIsRememberedThroughAKill) {
  write_text_file(log(), "old\n");
  AgentConfig with_end = config();
  with_end.tailer_lines = "start_at = \"end\"";
  AgentProcess agent(with_end);
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) { return now.find("tailrace_lag_bytes", {{"stage", "durable"}}) == 0.0; }, kSoon));
  agent.kill9();
  append_text_file(log(), "appended\n");
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "appended\n");
}

TEST_F(FileLife, AnUnfinishedLineIsLagInBytesAndNotInSeconds) {
  write_text_file(log(), "one\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  append_text_file(log(), "abc");
  EXPECT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) {
        return now.find("tailrace_lag_bytes", {{"stage", "read"}}) == 3.0 &&
               now.find("tailrace_lag_bytes", {{"stage", "acked"}}) == 3.0 &&
               now.find("tailrace_lag_bytes", {{"stage", "durable"}}) == 3.0 &&
               now.find("tailrace_lag_seconds", {{"stage", "durable"}}) == 0.0 &&
               now.sum("tailrace_acked_bytes_total") == 4.0;
      },
      kSoon));
  append_text_file(log(), "\n");
  EXPECT_TRUE(agent.wait_shipped(8, kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

}  // namespace
}  // namespace tailrace::e2e
