// settings: what the environment may change about a run. README.md lists them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace tailrace::e2e {

inline std::uint64_t setting(const char* name, std::uint64_t standard) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? standard : std::strtoull(text, nullptr, 10);
}

// The sizes and times of the issue instead of those that fit into `make test`.
inline bool is_full() { return setting("TAILRACE_E2E_FULL", 0) != 0; }

}  // namespace tailrace::e2e
