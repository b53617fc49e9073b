// LogRepeats: which log lines are written now, and which are counted as repeats of one that was written.
//
// A line (level and text) is written when it comes first; what repeats it within 10 s is only counted. When the 10 s
// are over it is written once more with the count, and the next 10 s begin; without a repeat it is forgotten. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/log.h"

namespace tailrace {

inline constexpr Duration kLogRepeatWindow = std::chrono::seconds(10);

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string text;
  std::uint64_t repeats = 0;  // how often it came since it was last written, beyond the first time
};

class LogRepeats {
 public:
  // Whether `line` is to be written now.
  bool admit(const LogLine& line, Instant now);
  // The lines whose 10 s are over and that were repeated meanwhile, with their counts.
  std::vector<LogLine> expire(Instant now);
  // All that was repeated and not yet said; for the end.
  std::vector<LogLine> flush();
  Instant next_deadline() const;  // when expire has something to do

 private:
  struct Window {
    Instant end;
    std::uint64_t repeats = 0;
  };
  // More different texts than this in 10 s: the newest ones are written each time, unremembered.
  static constexpr std::size_t kWindowsMax = 1024;

  std::unordered_map<std::string, Window> windows_;  // by level and text
};

}  // namespace tailrace
