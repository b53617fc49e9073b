// `tailrace run`: ships, in the foreground, until it is told to end.
#pragma once

#include <string>

namespace tailrace {

struct RunOptions {
  std::string config;
  bool once = false;       // ship what the files hold now, then end
  bool dry_run = false;    // print the records; no lock, no checkpoint, no HTTP
  bool has_stdout = true;  // it was open when the process was started
};

// Blocks until the end. Returns the exit status. Call it from the main thread, before others start.
int run_agent(const RunOptions& options);

}  // namespace tailrace
