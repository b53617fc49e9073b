#include "buffer/crc32c.h"

#include <isa-l/crc.h>

#include "base/check.h"

namespace tailrace {

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  TR_ASSERT(bytes.size() <= 0x7fffffff, "crc32c of {} bytes", bytes.size());
  // The library takes a pointer to mutable bytes and only reads them.
  auto* begin = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  return ~crc32_iscsi(begin, static_cast<int>(bytes.size()), ~before);
}

}  // namespace tailrace
