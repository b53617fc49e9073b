#include "tests/e2e/harness/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>

namespace tailrace::e2e {
namespace {

struct Socket {
  int fd;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

int connect_to(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return -1;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  std::uint16_t port = 0;
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  to.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) return -1;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

std::optional<HttpResponse> parse(const std::string& text) {
  // "HTTP/1.x NNN ..."
  const auto space = text.find(' ');
  const auto head_end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || space == std::string::npos || head_end == std::string::npos) return std::nullopt;
  HttpResponse response;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), response.status);
  response.body = text.substr(head_end + 4);
  return response;
}

}  // namespace

std::optional<HttpResponse> http_get(const std::string& address, const std::string& path, const std::string& method) {
  const Socket socket{connect_to(address)};
  if (socket.fd < 0) return std::nullopt;
  // 1.0: the body ends with the connection, in no chunks.
  const std::string request = method + " " + path + " HTTP/1.0\r\nHost: " + address + "\r\nConnection: close\r\n\r\n";
  if (::send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return std::nullopt;
  }
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = ::recv(socket.fd, buffer, sizeof buffer, 0);
    if (got < 0) return std::nullopt;
    if (got == 0) return parse(text);
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace tailrace::e2e
