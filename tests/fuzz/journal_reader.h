// JournalReader: a second reader of the checkpoint journal, written from docs/checkpoint_format.md alone. Slow and
// plain: what the real one is compared with. Shares nothing with it but the types that it fills.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "buffer/checkpoint.h"

namespace tailrace {

struct JournalRead {
  bool is_newer = false;    // a good header of a version that is not known
  bool has_header = false;  // a good one of version 1
  std::uint64_t records = 0;
  std::uint64_t bad_at = 0;  // 0: ended cleanly
  std::map<SourceId, Checkpoint> sources;
};

JournalRead read_journal(std::string_view file);

// CRC-32C, a bit at a time. `before`: of what stands in front.
std::uint32_t slow_crc(std::string_view bytes, std::uint32_t before = 0);

// Little-endian.
template <class T>
std::string number_bytes(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes += static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xff);
  return bytes;
}

}  // namespace tailrace
