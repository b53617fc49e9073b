#include "base/printable.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace tailrace {
namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: the first byte begins no UTF-8 sequence
};

unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// Shortest forms only, no surrogates, nothing past U+10FFFF (RFC 3629).
Character first_of(std::string_view text) {
  const unsigned char lead = byte_at(text, 0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  std::uint32_t code = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte_at(text, i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, bytes};
}

bool acts(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

// `replace(character, as it stands)` for each character, and for each byte that is none.
template <class Replace>
std::string replaced(std::string_view text, Replace replace) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_of(text);
    const std::size_t bytes = next.bytes == 0 ? 1 : next.bytes;
    out += replace(next, text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return out;
}

std::string byte_text(std::string_view byte) { return fmt::format("\\x{:02x}", byte_at(byte, 0)); }

}  // namespace

std::string printable(std::string_view text) {
  return replaced(text, [](const Character& next, std::string_view as_it_stands) {
    if (next.bytes == 0) return byte_text(as_it_stands);
    if (!acts(next.code)) return std::string(as_it_stands);
    if (next.code == '\n') return std::string("\\n");
    return next.bytes == 1 ? byte_text(as_it_stands) : fmt::format("\\u{:04x}", next.code);
  });
}

std::string printable_document(std::string_view document) {
  return replaced(document, [](const Character& next, std::string_view as_it_stands) {
    const bool stays = next.bytes == 0 || !acts(next.code) || next.code == '\n' || next.code == '\t';
    return stays ? std::string(as_it_stands) : fmt::format("\\u{:04x}", next.code);
  });
}

std::string valid_utf8(std::string_view text) {
  return replaced(text, [](const Character& next, std::string_view as_it_stands) {
    return next.bytes == 0 ? byte_text(as_it_stands) : std::string(as_it_stands);
  });
}

}  // namespace tailrace
