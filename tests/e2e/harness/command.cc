#include "tests/e2e/harness/command.h"

#include "tests/e2e/harness/temp_dir.h"
#include "tests/e2e/harness/text_file.h"

#ifndef TAILRACE_BINARY
#error "TAILRACE_BINARY names the agent"
#endif

namespace tailrace::e2e {

CommandResult run_command(const std::vector<std::string>& arguments, Bound bound) {
  const TempDir dir("command");
  ChildOptions options;
  options.argv = {TAILRACE_BINARY};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.stdout_path = dir / "out";
  options.stderr_path = dir / "err";
  ChildProcess process(options);
  CommandResult result;
  result.exit = process.wait_exit(bound);
  result.out = read_text_file(options.stdout_path);
  result.err = read_text_file(options.stderr_path);
  return result;
}

}  // namespace tailrace::e2e
