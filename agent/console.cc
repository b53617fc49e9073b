#include "agent/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "agent/exit_status.h"
#include "base/printable.h"
#include "base/secrets.h"
#include "base/write_all.h"

namespace tailrace {

bool hold_standard_descriptors() {
  bool has_stdout = true;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (fd == STDOUT_FILENO) has_stdout = false;
    // Those before it are open: it becomes this one. For children too, so without O_CLOEXEC.
    if (::open("/dev/null", O_RDWR) != fd) std::_Exit(kExitFailed);  // there is nowhere to say it
  }
  return has_stdout;
}

Status print(std::string_view text) { return write_all(STDOUT_FILENO, text); }

int print_or_fail(std::string_view text) {
  const Status printed = print(text);
  return printed ? kExitDone : fail(kExitFailed, "stdout: " + printed.error().text());
}

void say(std::string_view line) {
  static_cast<void>(write_all(STDERR_FILENO, printable(without_secrets(std::string(line))) + "\n"));
}

int fail(int exit_status, std::string_view what) {
  say("tailrace: " + std::string(what));
  return exit_status;
}

}  // namespace tailrace
