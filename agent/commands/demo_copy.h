// DemoCopy: the load for `demo FILE...`: growing copies of the files, compared byte for byte with what arrives.
//
// The copy, not the file, is shipped, since only a copy can grow at the reader's pace. A file's size is the one that it
// had at the start.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/commands/demo_load.h"
#include "base/unique_fd.h"

namespace tailrace {

// One file's bytes against the lines that arrive. A line end may be "\n" or "\r\n"; a record of almost `max_line` bytes
// may be a piece of a longer line.
class DemoComparison {
 public:
  explicit DemoComparison(std::uint64_t max_line) : max_line_(max_line) {}

  void expect(std::string_view bytes) { ahead_.append(bytes); }
  void arrived(std::string_view value, bool is_file_whole);

  bool differs() const { return differs_; }
  std::uint64_t matched_bytes() const { return matched_; }  // or where it differs
  std::uint64_t records() const { return records_; }
  std::string_view ahead() const { return std::string_view(ahead_).substr(begin_); }

 private:
  const std::uint64_t max_line_;
  std::string ahead_;  // expected and not arrived, from begin_
  std::size_t begin_ = 0;
  std::uint64_t matched_ = 0, records_ = 0;
  bool differs_ = false;
};

class DemoCopy final : public DemoLoad {
 public:
  // Errors name the file that cannot be read.
  static Result<std::unique_ptr<DemoCopy>> open(std::string directory, const std::vector<std::string>& files,
                                                std::uint64_t max_line);

  const std::vector<std::string>& names() const override { return names_; }
  Status write(Instant now) override;
  bool is_written() const override;
  void arrived(std::size_t log, std::string_view value) override;
  bool is_arrived() const override;
  bool has_unfinished_line() const override;
  bool is_killed_midway() const override { return false; }
  void agent_killed(std::uint64_t) override {}
  DemoProgress progress() const override { return progress_; }
  bool is_right() const override;
  std::string verdict() const override;

 private:
  struct File {
    std::string path;
    UniqueFd from, to;
    std::uint64_t size = 0, copied = 0, copied_lines = 0;
    DemoComparison comparison;
  };

  DemoCopy() = default;
  Status copy(File& file);

  std::vector<std::string> names_;
  std::vector<File> files_;
  DemoProgress progress_;
};

}  // namespace tailrace
