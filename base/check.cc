#include "base/check.h"

#include <unistd.h>

#include <cstdlib>

#include "base/write_all.h"

namespace tailrace {

void assertion_failed(const char* file, int line, const char* condition, const std::string& text) {
  const std::string whole = fmt::format("tailrace: {}:{}: assertion failed: {}: {}\n", file, line, condition, text);
  // Not the log: its thread may be the one that failed.
  constexpr int kPatienceMs = 1000;
  static_cast<void>(write_all(STDERR_FILENO, whole, kPatienceMs));
  std::abort();
}

}  // namespace tailrace
