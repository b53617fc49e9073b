#include "config/network_address.h"

#include <algorithm>
#include <charconv>

namespace tailrace {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_host_character(char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; }
bool is_ipv6_character(char c) { return is_letter_or_digit(c) || c == '.' || c == ':' || c == '%'; }

}  // namespace

std::optional<NetworkAddress> parse_address(std::string_view text) {
  NetworkAddress address;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    address.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (!std::all_of(address.host.begin(), address.host.end(), is_ipv6_character)) return std::nullopt;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    address.host = text.substr(0, colon);
    rest = text.substr(colon);
    if (!std::all_of(address.host.begin(), address.host.end(), is_host_character)) return std::nullopt;
  }
  if (address.host.empty()) return std::nullopt;
  if (rest.empty()) return address;
  if (rest[0] != ':') return std::nullopt;
  address.port = parse_port(rest.substr(1));
  if (!address.port) return std::nullopt;
  return address;
}

}  // namespace tailrace
