// FileComparator: records, each followed by a newline, against a file's bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tailrace::e2e {

class FileComparator {
 public:
  explicit FileComparator(const std::string& path);  // maps the file
  ~FileComparator();
  FileComparator(const FileComparator&) = delete;
  FileComparator& operator=(const FileComparator&) = delete;

  void take(std::string_view record);
  // Empty when the records were the file, byte for byte; else the first difference in words.
  std::string difference() const;

 private:
  bool next_is(std::string_view bytes) const;

  std::string path_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::size_t records_ = 0;
  std::string difference_;
};

}  // namespace tailrace::e2e
