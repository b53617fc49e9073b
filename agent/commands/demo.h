// `tailrace demo`: ships a log to a broker inside this process and checks every line that comes back.
//
//   writer ──▶ DIR/logs/*.log ──▶ child process: tailrace run ──▶ mock broker ──▶ reader ──▶ verdict
//
// Without files it writes two logs for about ten seconds, rotates them, kills the child with -9 in the middle and
// starts it again; with files it ships growing copies of those and compares them byte for byte. The mock broker keeps
// about 5 MiB a partition, so nothing is written that is more than 2 MiB ahead of the reader.
#pragma once

#include <string>
#include <vector>

namespace tailrace {

struct DemoOptions {
  std::vector<std::string> files;          // empty: a generated log
  bool is_terminal = false;                // stdout is one: redraw in place; otherwise a plain line a second
  std::string program = "/proc/self/exe";  // what is run as the agent
};

// Blocks, about ten seconds. Writes to stdout; errors to stderr, one line each. Returns the exit status: 0 every line
// arrived, 1 not so or it could not be tried, 128 + the signal when interrupted. The temporary directory and the child
// are gone afterwards. To be called from the main thread before others are started.
int run_demo(const DemoOptions& options);

}  // namespace tailrace
