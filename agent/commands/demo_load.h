// DemoLoad: what the demo ships, and whether it arrived. One log a tailer: DIRECTORY/NAME.log.
//
// Paced by the reader: nothing is written that is more than kAheadBytesMax (or kAheadLinesMax) ahead of what arrived,
// in each log, so that the mock broker (5 MiB a partition) drops nothing, though a killed agent ships all of that
// twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace tailrace {

inline constexpr std::uint64_t kAheadBytesMax = 2 * 1024 * 1024;
inline constexpr std::uint64_t kAheadLinesMax = 25'000;

struct DemoProgress {
  std::uint64_t written_bytes = 0, written_lines = 0;
  std::uint64_t arrived_bytes = 0, arrived_lines = 0;  // each line once
  std::uint64_t rotations = 0;
};

class DemoLoad {
 public:
  virtual ~DemoLoad() = default;

  virtual const std::vector<std::string>& names() const = 0;
  // As much as the time and the reader allow.
  virtual Status write(Instant now) = 0;
  virtual bool is_written() const = 0;
  // A record of the log names()[log].
  virtual void arrived(std::size_t log, std::string_view value) = 0;
  // Everything that a tailing agent ships by itself is here: an unfinished last line may be missing.
  virtual bool is_arrived() const = 0;
  virtual bool has_unfinished_line() const = 0;
  virtual bool is_killed_midway() const = 0;  // the demo kills the agent once
  virtual void agent_killed(std::uint64_t doubled_bytes_max) = 0;

  virtual DemoProgress progress() const = 0;
  virtual bool is_right() const = 0;
  virtual std::string verdict() const = 0;  // a few lines, ending with "\n"
};

}  // namespace tailrace
