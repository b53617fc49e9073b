// DemoWriter: the generated load: two logs that grow at a steady rate and are rotated by rename every two seconds.
//
// A line says which file it belongs to and which it is, and can be made again from that: what arrives is compared
// whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/commands/demo_load.h"
#include "agent/commands/demo_verdict.h"
#include "base/unique_fd.h"

namespace tailrace {

// What the line `sequence` of the log's `generation`th file says, without its line end.
std::string demo_line(std::string_view log, std::uint32_t generation, std::uint64_t sequence);

struct DemoLineName {
  std::uint32_t generation = 0;
  std::uint64_t sequence = 0;
};
// Which line of `log` this is; nothing when it is not one, to the last byte.
std::optional<DemoLineName> parse_demo_line(std::string_view log, std::string_view line);

class DemoWriter final : public DemoLoad {
 public:
  // Grows for `duration` from the first write on.
  DemoWriter(std::string directory, Duration duration);

  const std::vector<std::string>& names() const override { return names_; }
  Status write(Instant now) override;
  bool is_written() const override { return is_written_; }
  void arrived(std::size_t log, std::string_view value) override;
  bool is_arrived() const override { return progress_.arrived_lines == progress_.written_lines; }
  bool has_unfinished_line() const override { return false; }
  bool is_killed_midway() const override { return true; }
  void agent_killed(std::uint64_t doubled_bytes_max) override { verdict_.killed(doubled_bytes_max); }
  DemoProgress progress() const override { return progress_; }
  bool is_right() const override { return verdict_.summary().is_right(); }
  std::string verdict() const override { return to_text(verdict_.summary()); }

 private:
  struct Log {
    UniqueFd fd;
    std::uint32_t generation = 0;
    std::uint64_t lines = 0;        // in the current file
    std::uint64_t bytes_total = 0;  // over all files
    std::uint64_t ahead_bytes = 0, ahead_lines = 0;
    Instant next_rotation;
  };

  void begin(Instant now);
  Status open(std::size_t log);
  Status rotate(std::size_t log, Instant now);
  Status grow(std::size_t log, Instant now);
  std::string path(std::size_t log) const { return directory_ + "/" + names_[log] + ".log"; }
  std::uint32_t file_number(std::size_t log, std::uint32_t generation) const;

  const std::string directory_;
  const Duration duration_;
  Instant begin_ = kNever;
  const std::vector<std::string> names_ = {"app", "web"};
  std::vector<Log> logs_;
  DemoVerdict verdict_;
  DemoProgress progress_;
  bool is_written_ = false;
};

}  // namespace tailrace
