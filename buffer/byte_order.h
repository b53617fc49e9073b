// Little-endian numbers and counted strings, for what is written to disk: the same bytes on every machine.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tailrace {

// Over bytes that are there already.
template <std::integral T>
void set_number(std::byte* at, T value) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    at[i] = static_cast<std::byte>(bits & 0xff);
    if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits >> 8);
  }
}

template <std::integral T>
void put_number(std::vector<std::byte>& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  set_number(out.data() + at, value);
}

template <std::integral T>
T get_number(const std::byte* at) {
  std::make_unsigned_t<T> bits = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) {
    if constexpr (sizeof(T) > 1) bits = static_cast<decltype(bits)>(bits << 8);
    bits = static_cast<decltype(bits)>(bits | std::to_integer<std::uint8_t>(at[i]));
  }
  return static_cast<T>(bits);
}

inline void put_string(std::vector<std::byte>& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), bytes, bytes + text.size());
}

// Reads in order; past the end it gives zeros and remembers that it did.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <std::integral T>
  T number() {
    if (rest_.size() < sizeof(T)) return fail<T>();
    const T value = get_number<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  std::string string() {
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) return fail<std::string>();
    std::string text(reinterpret_cast<const char*>(rest_.data()), size);
    rest_ = rest_.subspan(size);
    return text;
  }
  // Nothing was missing and nothing is left.
  bool is_whole() const { return is_good_ && rest_.empty(); }

 private:
  template <class T>
  T fail() {
    is_good_ = false;
    rest_ = {};
    return T{};
  }
  std::span<const std::byte> rest_;
  bool is_good_ = true;
};

}  // namespace tailrace
