#include "agent/commands/demo_agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace tailrace {
namespace {

int exit_status(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

DemoAgent::DemoAgent(std::string program, std::vector<std::string> arguments, std::string log_path)
    : program_(std::move(program)), arguments_(std::move(arguments)), log_path_(std::move(log_path)) {}

DemoAgent::~DemoAgent() { kill_hard(); }

// In the child, beside threads that are not there any more: only calls that are safe in a signal handler.
void DemoAgent::become() const {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // Ctrl-C is the demo's: it ends the child itself
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int log = ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0 || ::dup2(log, STDOUT_FILENO) < 0 || ::dup2(log, STDERR_FILENO) < 0) ::_exit(127);
  std::array<char*, 16> argv{};
  std::size_t count = 0;
  argv[count++] = const_cast<char*>("tailrace");
  for (const std::string& argument : arguments_) {
    if (count + 1 < argv.size()) argv[count++] = const_cast<char*>(argument.c_str());
  }
  ::execv(program_.c_str(), argv.data());
  ::_exit(127);
}

Status DemoAgent::start() {
  TR_ASSERT(pid_ < 0, "the demo's agent runs already as {}", pid_);
  const pid_t child = ::fork();
  if (child < 0) return Error::from_errno(errno).during("fork", program_);
  if (child == 0) become();
  pid_ = child;
  return {};
}

void DemoAgent::kill_hard() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

std::optional<int> DemoAgent::ended() {
  if (pid_ < 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return exit_status(status);
}

Result<int> DemoAgent::drain(Duration patience) {
  TR_ASSERT(pid_ > 0, "the demo's agent does not run");
  ::kill(pid_, SIGTERM);
  return wait(patience);
}

Result<int> DemoAgent::wait(Duration patience) {
  const SystemClock clock;
  const Instant deadline = clock.now() + patience;
  while (true) {
    if (const std::optional<int> status = ended()) return *status;
    if (clock.now() >= deadline) {
      kill_hard();
      return Error(ErrorKind::again, "the agent did not end and was killed");
    }
    ::poll(nullptr, 0, 10);  // nothing else to wait for than the child
  }
}

}  // namespace tailrace
