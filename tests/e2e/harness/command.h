// command: one run of the agent's binary, to its end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/harness/child_process.h"

namespace tailrace::e2e {

struct CommandResult {
  std::optional<ExitStatus> exit;  // nothing: it did not end within the bound and was killed
  std::string out;
  std::string err;
};

CommandResult run_command(const std::vector<std::string>& arguments, Bound bound = std::chrono::seconds(60));

}  // namespace tailrace::e2e
