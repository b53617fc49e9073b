// FilesTest: the agent over a folder of log files, its lines on stdout. No broker.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/e2e/harness/agent_process.h"
#include "tests/e2e/harness/printers.h"
#include "tests/e2e/harness/temp_dir.h"
#include "tests/e2e/harness/text_file.h"
#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {

inline constexpr ExitStatus kSuccess{.code = 0};
inline constexpr std::chrono::seconds kSoon{60};  // a bound, not a time that anything takes

class FilesTest : public ::testing::Test {
 protected:
  AgentConfig config(const std::string& glob = "*.log") {
    AgentConfig result;
    result.include = {logs_ / glob};
    result.sink_type = "stdout";
    return result;
  }
  std::string log(const std::string& name = "app.log") const { return logs_ / name; }
  // Whether stdout becomes exactly `text`.
  static ::testing::AssertionResult prints(AgentProcess& agent, const std::string& text) {
    wait_until([&] { return agent.stdout_text().size() >= text.size(); }, kSoon);
    const std::string got = agent.stdout_text();
    if (got == text) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "stdout is " << ::testing::PrintToString(got.substr(0, 2000)) << " ("
                                         << got.size() << " bytes), not "
                                         << ::testing::PrintToString(text.substr(0, 2000)) << " (" << text.size()
                                         << " bytes)";
  }
  // Files are read in the order of their age or as they come: for tests that do not care.
  static ::testing::AssertionResult prints_line(AgentProcess& agent, const std::string& line) {
    if (wait_until([&] { return ("\n" + agent.stdout_text()).find("\n" + line + "\n") != std::string::npos; }, kSoon)) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << "no line " << ::testing::PrintToString(line) << " in "
                                         << ::testing::PrintToString(agent.stdout_text().substr(0, 2000));
  }

  TempDir logs_{"logs"};
};

}  // namespace tailrace::e2e
