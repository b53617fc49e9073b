// crash_point: named moments at which a test may kill the process. The shipped binary sets no hook: one load and
// branch.
#pragma once

namespace tailrace {

// Set before the first thread starts, by the test binary's main only.
inline void (*crash_hook)(const char* moment) = nullptr;

inline void crash_point(const char* moment) {
  if (crash_hook != nullptr) crash_hook(moment);
}

}  // namespace tailrace
