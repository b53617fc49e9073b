// printers: how a failed expectation shows the harness's values.
#pragma once

#include <ostream>

#include "tests/e2e/harness/child_process.h"

namespace tailrace::e2e {

inline std::ostream& operator<<(std::ostream& out, const ExitStatus& status) {
  return status.signal != 0 ? out << "signal " << status.signal : out << "exit status " << status.code;
}

}  // namespace tailrace::e2e
