#include "agent/http_listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

#include "config/network_address.h"

namespace tailrace {
namespace {

// Who asks when thousands want to be accepted must not wait for a second SYN, which comes after 1 s. The kernel takes
// its own bound (net.core.somaxconn) when that is lower.
constexpr int kBacklog = 4096;
constexpr int kSocketBytes = 32 * 1024;  // each way; the kernel doubles it for its own books

Result<UniqueFd> bind_one(const addrinfo& at) {
  UniqueFd fd(socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno(errno);
  const int on = 1;
  // A restart must not wait for the last one's connections to time out.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // [::] means IPv6 and IPv4, as with other agents, whatever net.ipv6.bindv6only says.
  const int off = 0;
  if (at.ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  // What a client does not read waits in our memory, where it is counted; what it sends too early, in its own.
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kSocketBytes, sizeof kSocketBytes);
  if (bind(fd.get(), at.ai_addr, at.ai_addrlen) != 0 || listen(fd.get(), kBacklog) != 0)
    return Error::from_errno(errno);
  return fd;
}

}  // namespace

Result<UniqueFd> listen_on(const std::string& address) {
  const auto parsed = parse_address(address);
  if (!parsed || !parsed->port) return Error(ErrorKind::bad_input, "expected HOST:PORT or [IPv6]:PORT");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(parsed->host.c_str(), std::to_string(*parsed->port).c_str(), &hints, &found);
  if (failed != 0) return Error(ErrorKind::bad_input, gai_strerror(failed));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  Result<UniqueFd> fd = Error(ErrorKind::bad_input, "no address");
  for (const addrinfo* at = found; at != nullptr && !fd; at = at->ai_next) fd = bind_one(*at);
  return fd;
}

// "127.0.0.1:9727" of a bound socket.
Result<std::string> bound_address(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return Error::from_errno(errno);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(), port.data(),
                  port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return Error(ErrorKind::io, "getnameinfo failed");
  }
  const std::string name = address.ss_family == AF_INET6 ? fmt::format("[{}]", host.data()) : host.data();
  return fmt::format("{}:{}", name, port.data());
}

}  // namespace tailrace
