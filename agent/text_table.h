// TextTable: rows of cells as aligned columns, for a terminal. Cells are made printable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tailrace {

class TextTable {
 public:
  // `numeric`: those columns are set right.
  TextTable(std::vector<std::string> header, std::vector<bool> numeric);
  void add(std::vector<std::string> row);  // as many cells as the header has
  bool is_empty() const { return rows_.size() == 1; }
  std::string text() const;  // each row with a newline, no blanks at its end

 private:
  std::vector<bool> numeric_;
  std::vector<std::vector<std::string>> rows_;
};

// "1.5 MiB", "12 B".
std::string human_bytes(std::uint64_t bytes);
// "0.2 s", "3.1 min", "2.0 h".
std::string human_seconds(double seconds);

}  // namespace tailrace
