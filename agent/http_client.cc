#include "agent/http_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"
#include "config/network_address.h"

namespace tailrace {

namespace {

constexpr std::size_t kAnswerBytesMax = 256u * 1024 * 1024;  // ?files=all of a million files
constexpr const char* kDefaultPort = "9727";

class Deadline {
 public:
  explicit Deadline(Duration timeout) : at_(SystemClock().now() + timeout) {}

  // Waits until `fd` is ready for `events`.
  Status wait(int fd, short events) const {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - SystemClock().now()).count();
      if (left <= 0) return Error(ErrorKind::again, "no answer in time");
      pollfd one{fd, events, 0};
      const int ready = poll(&one, 1, static_cast<int>(std::min<long>(left, 1'000'000)));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return Error::from_errno(errno);
    }
  }

 private:
  Instant at_;
};

Result<UniqueFd> connect_one(const addrinfo& at, const Deadline& deadline) {
  UniqueFd fd(socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno(errno);
  if (connect(fd.get(), at.ai_addr, at.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return Error::from_errno(errno);
  if (Status ready = deadline.wait(fd.get(), POLLOUT); !ready) return std::move(ready).error();
  int failed = 0;
  socklen_t length = sizeof failed;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failed, &length);
  if (failed != 0) return Error::from_errno(failed);
  return fd;
}

Result<UniqueFd> connect_to(const HttpTarget& target, const Deadline& deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found);
  if (failed != 0) return Error(ErrorKind::bad_input, gai_strerror(failed));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  Result<UniqueFd> fd = Error(ErrorKind::bad_input, "no address");
  for (const addrinfo* at = found; at != nullptr && !fd; at = at->ai_next) fd = connect_one(*at, deadline);
  return fd;
}

Status send_all(int fd, std::string_view text, const Deadline& deadline) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (Status ready = deadline.wait(fd, POLLOUT); !ready) return ready;
    } else if (errno != EINTR) {
      return Error::from_errno(errno);
    }
  }
  return {};
}

Result<std::string> receive_all(int fd, const Deadline& deadline) {
  std::string text;
  std::array<char, 64 * 1024> part;
  while (true) {
    const ssize_t got = recv(fd, part.data(), part.size(), 0);
    if (got == 0) return text;
    if (got > 0) {
      text.append(part.data(), static_cast<std::size_t>(got));
      if (text.size() > kAnswerBytesMax) return Error(ErrorKind::bad_input, "the answer does not end");
    } else if (errno == EAGAIN) {
      if (Status ready = deadline.wait(fd, POLLIN); !ready) return std::move(ready).error();
    } else if (errno != EINTR) {
      return Error::from_errno(errno);
    }
  }
}

Result<HttpAnswer> parse_answer(const std::string& text) {
  // "HTTP/1.1 200 OK"
  HttpAnswer answer;
  const auto blank = text.find("\r\n\r\n");
  if (text.rfind("HTTP/1.", 0) != 0 || text.size() < 12 || blank == std::string::npos) {
    return Error(ErrorKind::bad_input, "what answers there is no HTTP server");
  }
  const auto [end, error] = std::from_chars(text.data() + 9, text.data() + 12, answer.status);
  if (error != std::errc() || end != text.data() + 12) return Error(ErrorKind::bad_input, "no HTTP status");
  answer.body = text.substr(blank + 4);
  return answer;
}

}  // namespace

Result<HttpTarget> HttpTarget::parse(const std::string& url) {
  std::string_view rest = url;
  constexpr std::string_view kScheme = "http://";
  const auto scheme_end = rest.find("://");
  if (scheme_end != std::string_view::npos) {
    if (rest.substr(0, scheme_end + 3) != kScheme) return Error(ErrorKind::bad_input, "only http:// is spoken");
    rest.remove_prefix(kScheme.size());
  }
  HttpTarget target;
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) target.path_prefix = rest.substr(slash);
  while (!target.path_prefix.empty() && target.path_prefix.back() == '/') target.path_prefix.pop_back();
  const auto address = parse_address(rest.substr(0, slash));
  if (!address) return Error(ErrorKind::bad_input, "no HOST:PORT in it");
  target.host = address->host;
  target.port = address->port ? std::to_string(*address->port) : kDefaultPort;
  if (target.host == "0.0.0.0") target.host = "127.0.0.1";
  if (target.host == "::") target.host = "::1";
  return target;
}

Result<HttpAnswer> http_get(const HttpTarget& target, const std::string& path, const std::string& token,
                            Duration timeout) {
  const Deadline deadline(timeout);
  Result<UniqueFd> fd = connect_to(target, deadline);
  if (!fd) return std::move(fd).error();
  // HTTP/1.0: the answer ends with the connection and is never chunked.
  std::string request = fmt::format("GET {}{} HTTP/1.0\r\nHost: {}\r\nAccept: application/json\r\n", target.path_prefix,
                                    path, target.host);
  if (!token.empty()) request += fmt::format("Authorization: Bearer {}\r\n", token);
  if (Status sent = send_all(fd->get(), request + "\r\n", deadline); !sent) return std::move(sent).error();
  Result<std::string> text = receive_all(fd->get(), deadline);
  if (!text) return std::move(text).error();
  return parse_answer(*text);
}

}  // namespace tailrace
