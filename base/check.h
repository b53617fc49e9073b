// TR_ASSERT: a state that no code path should reach aborts with a message, in release builds too.
//
// An agent that restarts from its checkpoint is safe, one that goes on with wrong books is not. A state that the
// outside can cause never asserts: that is an Error.
#pragma once

#include <fmt/format.h>

#include <string>

namespace tailrace {

// Writes `text` to stderr and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition, const std::string& text);

}  // namespace tailrace

#define TR_ASSERT(condition, ...)                                                               \
  do {                                                                                          \
    if (!(condition)) [[unlikely]]                                                              \
      ::tailrace::assertion_failed(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
  } while (false)
