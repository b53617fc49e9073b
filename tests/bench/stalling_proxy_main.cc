// stalling_proxy ONE_WAY_MICROSECONDS: a StallingProxy as a program. Prints its port; then reads the port to forward to
// (of 127.0.0.1) and runs until its input ends.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/e2e/harness/stalling_proxy.h"

int main(int argc, char** argv) {
  tailrace::e2e::StallingProxy proxy;
  proxy.delay(std::chrono::microseconds(argc > 1 ? std::strtol(argv[1], nullptr, 10) : 0));
  std::printf("%d\n", static_cast<int>(proxy.port()));
  std::fflush(stdout);
  char line[32];
  while (std::fgets(line, sizeof line, stdin) != nullptr)
    proxy.forward_to(static_cast<std::uint16_t>(std::strtol(line, nullptr, 10)));
}
