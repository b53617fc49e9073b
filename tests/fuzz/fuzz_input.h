// FuzzInput: the bytes of one run, taken apart from the front: settings first, then text.
//
// Whatever the bytes are, something comes of them: past the end there are zeros and empty texts. Settings are given as
// characters ('0' is 0), so that most of the corpus can be read and written with an editor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tailrace {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool is_empty() const { return rest_.empty(); }
  char character() {
    if (rest_.empty()) return '\0';
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  // 0 to 255; '0' is 0.
  unsigned number() { return static_cast<std::uint8_t>(character() - '0'); }
  std::string_view text(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Up to the next newline, which is dropped.
  std::string_view line() {
    const std::string_view taken = text(std::min(rest_.find('\n'), rest_.size()));
    text(1);
    return taken;
  }
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace tailrace
