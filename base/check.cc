#include "base/check.h"

#include <unistd.h>

#include <cstdlib>

namespace tailrace {

void assertion_failed(const char* file, int line, const char* condition, const std::string& text) {
  const std::string whole = fmt::format("tailrace: {}:{}: assertion failed: {}: {}\n", file, line, condition, text);
  // One write, not the log: its thread may be the one that failed. Nothing can be done when it is short.
  static_cast<void>(!::write(STDERR_FILENO, whole.data(), whole.size()));
  std::abort();
}

}  // namespace tailrace
