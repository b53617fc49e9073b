// Source: who a stream of bytes is. One generation of one file: a truncated file goes on as a new source.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace tailrace {

using Offset = std::uint64_t;  // bytes from the file's start

// 128 random bits, given when a file is first seen; its identity is a value that grows beside it, not a key.
struct SourceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  static SourceId random();  // from getrandom(2)
  bool operator==(const SourceId&) const = default;
  auto operator<=>(const SourceId&) const = default;
  std::string hex() const;
};

// What a file is recognised by: never its name.
struct SourceKey {
  std::uint64_t device = 0;  // only orders candidates: it changes over a reboot
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;       // 0: the file system keeps none
  std::uint32_t prefix_bytes = 0;  // how much of the file's beginning is in the hash, up to kPrefixBytesMax
  std::uint64_t prefix_hash = 0;   // XXH3_64bits

  bool operator==(const SourceKey&) const = default;
};

inline constexpr std::uint32_t kPrefixBytesMax = 1024;
// So many bytes just before the offset are compared at every read, and their hash is in the checkpoint.
inline constexpr std::uint32_t kTailBytesMax = 64;

}  // namespace tailrace

template <>
struct std::hash<tailrace::SourceId> {
  std::size_t operator()(const tailrace::SourceId& id) const noexcept { return id.low; }
};
