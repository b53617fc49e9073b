#include "agent/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>

#include "base/signals_blocked.h"
#include "base/unique_fd.h"
#include "config/network_address.h"

namespace tailrace {

namespace {

constexpr unsigned kThreads = 3;          // one may wait for the loop while another answers /healthz
constexpr unsigned kConnectionsMax = 60;  // over all threads; more wait in the kernel's backlog
constexpr unsigned kIdleSecondsMax = 10;  // a connection that sends or takes nothing for so long is closed
constexpr std::size_t kConnectionBytesMax = 16 * 1024;  // request line and headers
constexpr int kBacklog = 64;

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

Result<UniqueFd> bind_one(const addrinfo& at) {
  UniqueFd fd(socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno(errno);
  const int on = 1;
  // A restart must not wait for the last one's connections to time out.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // [::] means IPv6 and IPv4, as with other agents, whatever net.ipv6.bindv6only says.
  const int off = 0;
  if (at.ai_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd.get(), at.ai_addr, at.ai_addrlen) != 0 || listen(fd.get(), kBacklog) != 0)
    return Error::from_errno(errno);
  return fd;
}

Result<UniqueFd> bind_to(const std::string& listen_at) {
  const auto parsed = parse_address(listen_at);
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

MHD_Result collect_argument(void* to, MHD_ValueKind, const char* key, const char* value) {
  auto& arguments = *static_cast<std::map<std::string, std::string>*>(to);
  arguments.emplace(key, value == nullptr ? "" : value);
  return MHD_YES;
}

class MicroHttpServer final : public HttpServer {
 public:
  explicit MicroHttpServer(HttpRoutes routes) : routes_(std::move(routes)) {}
  ~MicroHttpServer() override {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  Status run(UniqueFd listener) {
    Result<std::string> address = bound_address(listener.get());
    if (!address) return std::move(address).error();
    address_ = std::move(*address);
    const SignalsBlocked blocked;
    daemon_ =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, nullptr, nullptr, &on_request, this,
                         MHD_OPTION_LISTEN_SOCKET, listener.get(), MHD_OPTION_THREAD_POOL_SIZE, kThreads,
                         MHD_OPTION_CONNECTION_LIMIT, kConnectionsMax, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSecondsMax,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytesMax, MHD_OPTION_END);
    if (daemon_ == nullptr) return Error(ErrorKind::io, "the HTTP threads cannot be started");
    listener.release();  // the daemon closes it
    return {};
  }

  const std::string& address() const override { return address_; }

 private:
  // Called when the headers are there and again when the request is complete. What is refused for its headers is
  // refused at once: a body is never read.
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* /*version*/, const char* /*body*/, std::size_t* body_bytes, void** seen) {
    const bool is_first_call = *seen == nullptr;
    *seen = self;
    const HttpRoutes& routes = static_cast<const MicroHttpServer*>(self)->routes_;
    try {
      HttpRequest request{method, url, {}, {}};
      const bool is_read_only = request.method == "GET" || request.method == "HEAD";
      if (is_first_call && is_read_only) return has_body(connection) ? refuse_body(connection) : MHD_YES;
      if (*body_bytes != 0) return MHD_NO;
      MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &collect_argument, &request.arguments);
      const char* authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
      if (authorization != nullptr) request.authorization = authorization;
      return reply(connection, routes.answer(request));
    } catch (const std::exception&) {
      return MHD_NO;  // closes the connection
    }
  }

  static bool has_body(MHD_Connection* connection) {
    const char* length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return (length != nullptr && std::strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding") != nullptr;
  }

  static MHD_Result refuse_body(MHD_Connection* connection) {
    HttpReply refused;
    refused.status = 413;
    refused.body = "a request has no body here\n";
    return reply(connection, refused);
  }

  // MHD leaves the body out of the answer to a HEAD by itself.
  static MHD_Result reply(MHD_Connection* connection, const HttpReply& reply) {
    MHD_Response* response =
        MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, "Content-Type", reply.content_type.c_str());
    for (const auto& [name, value] : reply.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
    const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
    MHD_destroy_response(response);
    return queued;
  }

  const HttpRoutes routes_;
  std::string address_;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& listen, HttpRoutes routes) {
  Result<UniqueFd> listener = bind_to(listen);
  if (!listener) return std::move(listener).error();
  auto server = std::make_unique<MicroHttpServer>(std::move(routes));
  if (Status running = server->run(std::move(*listener)); !running) return std::move(running).error();
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace tailrace
