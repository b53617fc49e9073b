// ChildProcess: a program that dies with the test, whatever becomes of either.
//
// Its own process group, killed by the destructor; SIGKILL from the kernel when the test process ends. Start it from a
// thread that lives as long as it should: the kernel looks at the thread that forked.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {

struct ChildOptions {
  std::vector<std::string> argv;                                      // argv[0] is a path
  std::vector<std::pair<std::string, std::string>> environment = {};  // beside what this process has
  std::string stdout_path = {};                                       // appended to; empty: /dev/null
  std::string stderr_path = {};
  std::optional<rlim_t> open_files_max = {};  // RLIMIT_NOFILE, soft and hard
  std::optional<uid_t> run_as = {};           // needs root
};

struct ExitStatus {
  int code = -1;   // -1: ended by a signal
  int signal = 0;  // 0: ended by itself
  bool operator==(const ExitStatus&) const = default;
};

class ChildProcess {
 public:
  explicit ChildProcess(const ChildOptions& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool is_running();
  void signal(int number);
  void kill9();  // and waits for its end
  // Nothing when it still runs at the bound. May be asked again.
  std::optional<ExitStatus> wait_exit(Bound bound);

 private:
  void look();

  pid_t pid_ = -1;
  std::optional<ExitStatus> exit_;
};

}  // namespace tailrace::e2e
