// tailrace_crashing: the agent, dying at a named moment. TAILRACE_CRASH="moment:count" raises SIGKILL at the count-th
// time that the moment comes (base/crash_point.h). For the end-to-end tests only.
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

#include "agent/cli.h"
#include "base/crash_point.h"

namespace {

std::string moment_wanted;
std::atomic<int> times_left = 0;

void crash(const char* moment) {
  if (moment_wanted == moment && --times_left == 0) ::raise(SIGKILL);
}

}  // namespace

int main(int argc, char** argv) {
  if (const char* wanted = std::getenv("TAILRACE_CRASH"); wanted != nullptr) {
    const std::string text = wanted;
    const auto colon = text.rfind(':');
    moment_wanted = text.substr(0, colon);
    times_left = colon == std::string::npos ? 1 : std::atoi(text.c_str() + colon + 1);
    tailrace::crash_hook = crash;
  }
  return tailrace::cli_main(argc, argv);
}
