#include "tests/e2e/harness/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

extern char** environ;

namespace tailrace::e2e {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) result.emplace_back(*entry);
  for (const auto& [name, value] : added) {
    std::erase_if(result, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    result.push_back(name + "=" + value);
  }
  return result;
}

// Async-signal-safe only from here to exec: other threads of the test may hold any lock.
void redirect(int fd, const char* path) {
  const int flags = O_WRONLY | O_CREAT | O_APPEND;
  const int opened = ::open(*path == '\0' ? "/dev/null" : path, flags, 0644);
  if (opened < 0 || ::dup2(opened, fd) < 0) ::_exit(126);
  ::close(opened);
}

[[noreturn]] void become(const ChildOptions& options, pid_t parent, char** argv, char** env) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);  // it died before the line above
  redirect(STDOUT_FILENO, options.stdout_path.c_str());
  redirect(STDERR_FILENO, options.stderr_path.c_str());
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::close(null);
  if (options.open_files_max) {
    const rlimit limit{*options.open_files_max, *options.open_files_max};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (options.run_as) {
    const auto group = static_cast<gid_t>(*options.run_as);
    if (::setresgid(group, group, group) != 0) ::_exit(126);
    if (::setresuid(*options.run_as, *options.run_as, *options.run_as) != 0) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of user clears it
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(argv[0], argv, env);
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const ChildOptions& options) {
  const std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> argv = pointers(options.argv);
  const std::vector<char*> env = pointers(environment);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(options, parent, const_cast<char**>(argv.data()), const_cast<char**>(env.data()));
  if (pid_ < 0) std::abort();
  ::setpgid(pid_, pid_);  // here too: whoever comes first
}

ChildProcess::~ChildProcess() { kill9(); }

void ChildProcess::look() {
  if (exit_) return;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
  exit_ = WIFEXITED(status) ? ExitStatus{.code = WEXITSTATUS(status)} : ExitStatus{.signal = WTERMSIG(status)};
  ::kill(-pid_, SIGKILL);  // what it started, should there be anything
}

bool ChildProcess::is_running() {
  look();
  return !exit_.has_value();
}

void ChildProcess::signal(int number) {
  if (is_running()) ::kill(pid_, number);
}

void ChildProcess::kill9() {
  if (!is_running()) return;
  ::kill(-pid_, SIGKILL);
  wait_exit(std::chrono::seconds(60));
}

std::optional<ExitStatus> ChildProcess::wait_exit(Bound bound) {
  wait_until([this] { return !is_running(); }, bound, std::chrono::milliseconds(1));
  return exit_;
}

}  // namespace tailrace::e2e
