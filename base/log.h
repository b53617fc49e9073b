// Log: one line an event, to stderr, never waiting for it.
//
// Any thread. Lines go through a bounded queue to a thread that writes them; when stderr does not take them (a stuck
// pipe) they are dropped and counted. A line that repeats (same level and text) is written once per 10 s with its
// count.
//
//   before start   tailrace: TEXT
//   text           tailrace: 2024-05-01T12:00:00.000Z warn TEXT
//   json           {"time":"2024-05-01T12:00:00.000Z","level":"warn","message":"TEXT"}
//
// TEXT carries no prefix of its own and no newline; what is in it is made printable (base/printable.h).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tailrace {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };

namespace log {

// Until `start` is called lines go to stderr synchronously (the CLI's commands). `stop` writes what is queued (bounded
// by 1 s).
void start(LogLevel level, LogFormat format);
void stop();
void set_level(LogLevel level);
bool enabled(LogLevel level);
void write(LogLevel level, std::string text);

template <class... Args>
void debug(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(LogLevel::debug)) write(LogLevel::debug, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(LogLevel::info)) write(LogLevel::info, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(LogLevel::warn)) write(LogLevel::warn, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> f, Args&&... args) {
  if (enabled(LogLevel::error)) write(LogLevel::error, fmt::format(f, std::forward<Args>(args)...));
}

}  // namespace log
}  // namespace tailrace
