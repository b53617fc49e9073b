// text_file: small files in one call, for tests. Empty when it cannot be read.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace tailrace::e2e {

inline std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_text_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline void append_text_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

}  // namespace tailrace::e2e
