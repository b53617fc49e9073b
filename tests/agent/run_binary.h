// Runs the built `tailrace` binary, which lies beside this test's folder, and collects what it says.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "scratch_directory.h"

namespace tailrace {

struct Ended {
  int status = -1;  // as a shell shows it: 128 + n for a signal
  std::string out, err;
};

inline std::string binary_path() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "tailrace").string();
}

// A started binary; killed with the object when it still runs.
class Running {
 public:
  // `in_child`, when given, is called before the binary is executed: to change its descriptors or limits.
  explicit Running(const std::vector<std::string>& arguments, const std::function<void()>& in_child = {}) {
    const std::string out = scratch_ / "out", err = scratch_ / "err";
    pid_ = fork();
    if (pid_ != 0) return;
    redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT, STDERR_FILENO);
    if (in_child) in_child();
    const std::string program = binary_path();
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  ~Running() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { kill(pid_, number); }
  std::string out() const { return scratch_.read("out"); }
  std::string err() const { return scratch_.read("err"); }
  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }
  // ctest's timeout bounds the wait.
  Ended wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), out(), err()};
  }

 private:
  static void redirect(const std::string& path, int flags, int to) {
    const int fd = open(path.c_str(), flags, 0600);
    if (fd < 0 || dup2(fd, to) < 0) _exit(126);
    close(fd);
  }

  ScratchDirectory scratch_;
  pid_t pid_ = -1;
};

inline Ended run_binary(const std::vector<std::string>& arguments, const std::function<void()>& in_child = {}) {
  return Running(arguments, in_child).wait();
}

}  // namespace tailrace
