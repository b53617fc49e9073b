// CRC-32C (Castagnoli), by the processor's own instruction where it has one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tailrace {

// The check value of "123456789" is 0xe3069283. `before`: the CRC of what stands in front, to go on from; 0 is nothing.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace tailrace
