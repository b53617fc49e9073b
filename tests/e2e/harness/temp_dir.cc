#include "tests/e2e/harness/temp_dir.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {
namespace {

bool keeps_everything() {
  const char* keep = std::getenv("TAILRACE_E2E_KEEP");
  return keep != nullptr && *keep != '\0' && *keep != '0';
}

// In the second child: waits for the end of the pipe, which is the end of the test process, and removes `root`. The
// test's own children die with it (PR_SET_PDEATHSIG) but may write for a moment more, hence the repetition.
[[noreturn]] void reap(int end_of_parent, const std::filesystem::path& root) {
  ::setsid();
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  char byte = 0;
  while (::read(end_of_parent, &byte, 1) > 0) {
  }
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::error_code error;
    std::filesystem::remove_all(root, error);
    if (!std::filesystem::exists(root, error)) break;
    pause(std::chrono::milliseconds(50));
  }
  ::_exit(0);
}

// Twice forked, so that nobody who kills this process and its children finds the reaper among them.
void start_reaper(const std::filesystem::path& root) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const pid_t first = ::fork();
  if (first == 0) {
    ::close(ends[1]);
    if (::fork() == 0) reap(ends[0], root);
    ::_exit(0);
  }
  ::close(ends[0]);  // the other end stays open for as long as this process lives
  if (first > 0) ::waitpid(first, nullptr, 0);
}

std::filesystem::path make_root() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tailrace-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    std::perror("mkdtemp");
    std::abort();
  }
  std::filesystem::permissions(pattern, std::filesystem::perms(0755));
  if (!keeps_everything()) start_reaper(pattern);
  return pattern;
}

}  // namespace

TempDir::TempDir(const std::string& name) {
  static const std::filesystem::path root = make_root();
  static std::atomic<int> number = 0;
  path_ = root / (name + "-" + std::to_string(number++));
  std::filesystem::create_directories(path_);
}

TempDir::~TempDir() {
  if (keeps_everything()) {
    std::fprintf(stderr, "kept: %s\n", path_.c_str());
    return;
  }
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

}  // namespace tailrace::e2e
