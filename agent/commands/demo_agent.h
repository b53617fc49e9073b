// DemoAgent: the agent as a child process, that can be killed, started again and asked how far behind it is.
//
// One thread, the one that calls start(): the child dies with that thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace tailrace {

struct DemoLag {
  struct Stage {
    std::uint64_t bytes = 0;
    double seconds = 0;
  };
  Stage read, acked, durable;  // over all tailers: bytes together, seconds of the one furthest behind
};

class DemoAgent {
 public:
  // `arguments` follow the program's name; stdout and stderr go to the end of `log_path`.
  DemoAgent(std::string program, std::vector<std::string> arguments, std::string log_path);
  ~DemoAgent();  // kill -9
  DemoAgent(const DemoAgent&) = delete;
  DemoAgent& operator=(const DemoAgent&) = delete;

  Status start();
  void kill_hard();
  // SIGTERM, then waits; kill -9 after `patience`. The exit status, or 128 + the signal that ended it.
  Result<int> drain(Duration patience);
  // Its exit status once it ended by itself.
  std::optional<int> ended();
  // Waits until it ends by itself; kill -9 after `patience`.
  Result<int> wait(Duration patience);

 private:
  [[noreturn]] void become() const;

  std::string program_;
  std::vector<std::string> arguments_;
  std::string log_path_;
  pid_t pid_ = -1;
};

// Asks a running agent by way of state_dir/http.addr and /metrics. Nothing while it does not answer (within 200 ms).
std::optional<DemoLag> ask_lag(const std::string& state_dir);
// The same out of the text of /metrics.
DemoLag parse_lag(std::string_view metrics);

}  // namespace tailrace
