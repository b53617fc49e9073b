#include "agent/token_file.h"

#include <span>

namespace tailrace {

namespace {

constexpr std::size_t kTokenBytesMax = 4096;
constexpr const char* kBlanks = " \t\r\n";

}  // namespace

Result<std::string> read_token(FileSystem& files, const std::string& path) {
  if (path.empty()) return std::string();
  Result<UniqueFd> fd = files.open_read(path);
  if (!fd) return std::move(fd).error().during("open", path);
  std::string text(kTokenBytesMax + 1, '\0');
  const Result<std::size_t> bytes = files.read_at(fd->get(), std::as_writable_bytes(std::span(text)), 0);
  if (!bytes) return Error(bytes.error()).during("read", path);
  text.resize(*bytes);
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return Error(ErrorKind::bad_input, path + " holds no token");
  text = text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
  if (text.size() >= kTokenBytesMax || text.find_first_of(kBlanks) != std::string::npos) {
    return Error(ErrorKind::bad_input, path + " holds more than one token");
  }
  return text;
}

}  // namespace tailrace
