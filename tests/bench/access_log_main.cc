// access_log FILE SIZE [SEED]: writes a generated access log of at most SIZE bytes (suffixes KiB, MiB, GiB), whole
// lines.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/bench/access_log.h"

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fputs("usage: access_log FILE SIZE [SEED [FIRST_LINE]]; SIZE in bytes or with KiB, MiB, GiB\n", stderr);
    return 2;
  }
  char* unit = nullptr;
  unsigned long long bytes = std::strtoull(argv[2], &unit, 10);
  const std::string suffix = unit;
  if (suffix == "KiB")
    bytes <<= 10;
  else if (suffix == "MiB")
    bytes <<= 20;
  else if (suffix == "GiB")
    bytes <<= 30;
  else if (!suffix.empty()) {
    std::fprintf(stderr, "access_log: %s is no size; use 1048576, 1024KiB, 1MiB or 1GiB\n", argv[2]);
    return 2;
  }
  const unsigned long long seed = argc >= 4 ? std::strtoull(argv[3], nullptr, 10) : 1;
  const unsigned long long first_line = argc == 5 ? std::strtoull(argv[4], nullptr, 10) : 0;
  const unsigned long long lines = tailrace::write_access_log(argv[1], bytes, seed, first_line);
  if (lines == 0 && bytes >= 1024) {
    std::fprintf(stderr, "access_log: %s: %s\n", argv[1], std::strerror(errno));
    return 1;
  }
  std::printf("%llu\n", lines);
  return 0;
}
