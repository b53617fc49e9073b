// Any bytes sent to the HTTP port: each connection ends with whole answers or none, nothing but /healthz and /readyz is
// told to those who do not send the token, and the next client is served.
//
//   input:   the bytes of one connection, as they go over the wire
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/http_server.h"
#include "base/check.h"
#include "base/unique_fd.h"
#include "tests/agent/fake_snapshot_source.h"
#include "tests/agent/sample_snapshot.h"
#include "tests/fuzz/fuzz_input.h"

namespace tailrace {
namespace {

constexpr std::string_view kToken = "s3cret";
constexpr int kPauseMs = 3;             // what has not been answered by then waits for the rest
constexpr int kPatienceMs = 60 * 1000;  // what must be answered

// One server for all runs, as it is in an agent.
class Server {
 public:
  Server() {
    source_.set(sample_snapshot());
    auto started = HttpServer::start("127.0.0.1:0", source_, {{"1.2.3", "2.0.2"}, std::string(kToken)});
    TR_ASSERT(started, "{}", started.error().text());
    server_ = std::move(*started);
    const std::string& address = server_->address();
    std::uint16_t port = 0;
    std::from_chars(address.data() + address.rfind(':') + 1, address.data() + address.size(), port);
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }

  // Sends it and returns all that comes until the server closes; "" when nothing has begun to come after `patience_ms`.
  std::string ask(std::string_view request, int patience_ms) const {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Closing resets: no port waits for latecomers.
    const linger at_once{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    int connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    // libFuzzer's timer again: it goes on by itself, and asking once more waits for it (connect(2)).
    while (connected < 0 && (errno == EINTR || errno == EALREADY)) {
      connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    }
    TR_ASSERT(connected == 0 || errno == EISCONN, "nobody listens: errno {}", errno);
    while (!request.empty()) {
      const ssize_t sent = ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
      if (sent <= 0 && errno != EINTR) break;  // it has heard enough
      if (sent > 0) request.remove_prefix(static_cast<std::size_t>(sent));
    }
    pollfd readable{fd.get(), POLLIN, 0};
    int ready = -1;
    do {
      ready = ::poll(&readable, 1, patience_ms);
    } while (ready < 0 && errno == EINTR);  // libFuzzer's timer
    if (ready <= 0) return "";
    // Not earlier: an end that comes together with the request is seen only when the connection has been idle for long.
    ::shutdown(fd.get(), SHUT_WR);
    return all_that_comes(fd.get());
  }

 private:
  static std::string all_that_comes(int fd) {
    std::string answer;
    while (true) {
      char part[16 * 1024];
      const ssize_t got = ::recv(fd, part, sizeof part, 0);
      if (got == 0 || (got < 0 && errno != EINTR)) return answer;
      if (got > 0) answer.append(part, static_cast<std::size_t>(got));
    }
  }

  FakeSnapshotSource source_;
  std::unique_ptr<HttpServer> server_;
  sockaddr_in address_{};
};

void check(std::string_view request) {
  static const Server server;
  const std::string answer = server.ask(request, kPauseMs);
  TR_ASSERT(answer.empty() || answer.starts_with("HTTP/1."), "no HTTP: {}", answer.substr(0, 100));
  TR_ASSERT(!answer.starts_with("HTTP/1.1 500"), "{}", answer);
  if (request.find(kToken) == std::string_view::npos) {
    for (const std::string_view told : {"tailrace_", "/var/log/", "<title>tailrace"})
      TR_ASSERT(answer.find(told) == std::string::npos, "told without the token: {}", answer);
  }
  const std::string next = server.ask("GET /healthz HTTP/1.0\r\n\r\n", kPatienceMs);
  TR_ASSERT(next.starts_with("HTTP/1.1 200 ") && next.ends_with("\r\n\r\nok\n"), "the next client: {}", next);
}

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tailrace::check(tailrace::FuzzInput(data, size).rest());
  return 0;
}
