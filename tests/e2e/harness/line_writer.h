// LineWriter: writes a recipe's lines to a log file, one after the other over all rotations. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "tests/e2e/harness/line_recipe.h"

namespace tailrace::e2e {

class LineWriter {
 public:
  LineWriter(LineRecipe recipe, std::string path);  // creates the file
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  void write_lines(std::uint64_t lines);
  void write_bytes(std::uint64_t bytes);  // at least so many, in whole lines

  // As logrotate does: path.1 becomes path.2 and so on, path becomes path.1, and a new path is made.
  void rotate_by_rename();
  void rename_away();  // the first half: the writer still holds the old file
  void recreate();     // the second
  // path is copied to path.1 (the others move on), then cut to nothing. Nothing is written between the two.
  void rotate_by_copytruncate();
  void truncate();  // without a copy
  void remove_and_recreate();

  const LineRecipe& recipe() const { return recipe_; }
  const std::string& path() const { return path_; }
  std::uint64_t lines_written() const { return next_; }
  std::uint64_t bytes_written() const { return bytes_; }

 private:
  void shift_chain();

  LineRecipe recipe_;
  std::string path_;
  int fd_ = -1;
  std::uint64_t next_ = 0;
  std::uint64_t bytes_ = 0;
  std::string buffer_;
};

}  // namespace tailrace::e2e
