#include "base/log_repeats.h"

#include <algorithm>

namespace tailrace {
namespace {

std::string key_of(const LogLine& line) { return static_cast<char>(line.level) + line.text; }

LogLine line_of(const std::string& key, std::uint64_t repeats) {
  return {.level = static_cast<LogLevel>(key[0]), .text = key.substr(1), .repeats = repeats};
}

}  // namespace

bool LogRepeats::admit(const LogLine& line, Instant now) {
  const std::string key = key_of(line);
  const auto known = windows_.find(key);
  if (known != windows_.end()) {
    ++known->second.repeats;
    return false;
  }
  if (windows_.size() < kWindowsMax) windows_.emplace(key, Window{.end = now + kLogRepeatWindow});
  return true;
}

std::vector<LogLine> LogRepeats::expire(Instant now) {
  std::vector<LogLine> due;
  for (auto it = windows_.begin(); it != windows_.end();) {
    Window& window = it->second;
    if (window.end > now) {
      ++it;
    } else if (window.repeats == 0) {
      it = windows_.erase(it);
    } else {
      due.push_back(line_of(it->first, window.repeats));
      window = {.end = now + kLogRepeatWindow};
      ++it;
    }
  }
  return due;
}

std::vector<LogLine> LogRepeats::flush() {
  std::vector<LogLine> due;
  for (const auto& [key, window] : windows_) {
    if (window.repeats > 0) due.push_back(line_of(key, window.repeats));
  }
  windows_.clear();
  return due;
}

Instant LogRepeats::next_deadline() const {
  Instant first = kNever;
  for (const auto& [key, window] : windows_) first = std::min(first, window.end);
  return first;
}

}  // namespace tailrace
