// NetworkAddress: HOST, HOST:PORT or [IPv6]:PORT as people write it. Looks nothing up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tailrace {

struct NetworkAddress {
  std::string host;  // without brackets; never empty
  std::optional<std::uint16_t> port;
};

// nullopt: no host, a port that is no number up to 65535, characters that no host has, an IPv6 address without
// brackets.
std::optional<NetworkAddress> parse_address(std::string_view text);

}  // namespace tailrace
