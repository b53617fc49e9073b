#include "agent/http_connections.h"

#include <microhttpd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "agent/http_exchange.h"

namespace tailrace {

namespace {

constexpr unsigned kIdleSecondsMax = 10;                // a client that sends or takes nothing for so long is closed
constexpr std::size_t kConnectionBytesMax = 16 * 1024;  // request line and headers
constexpr std::size_t kPieceBytes = 16 * 1024;          // of an answer, handed over at once
// A loop that hangs does not answer: so many may wait for a Snapshot of it, and others still have room.
constexpr std::size_t kWaitingMax = 32;
constexpr std::size_t kAllFilesReadersMax = 2;
constexpr std::size_t kHeldBytesMax = 6 * 1024 * 1024;    // answers that were not yet taken, together
constexpr Duration kSlowAfter = std::chrono::seconds(1);  // nothing taken for so long: may be closed for others' sake

MHD_Result collect_argument(void* to, MHD_ValueKind, const char* key, const char* value) {
  auto& arguments = *static_cast<std::map<std::string, std::string>*>(to);
  arguments.emplace(key, value == nullptr ? "" : value);
  return MHD_YES;
}

struct Client {
  int fd = -1;
  std::uint64_t moves = 0;  // grows with each move of any of them
  Instant moved_at{};
  bool is_closing = false;
  std::unique_ptr<HttpExchange> exchange;  // from the headers until MHD says that the request is completed

  bool is_waiting() const { return exchange != nullptr && exchange->ticket.has_value(); }
};

}  // namespace

class HttpConnections::Daemon {
 public:
  Daemon(LoopQuestions& loop, HttpRoutes routes) : loop_(loop), routes_(std::move(routes)) {}
  ~Daemon() { stop(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  Status start() {
    mhd_ = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
                            &on_request, this, MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this,
                            MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this, MHD_OPTION_CONNECTION_LIMIT,
                            static_cast<unsigned>(2 * kHttpClientsMax), MHD_OPTION_CONNECTION_TIMEOUT, kIdleSecondsMax,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytesMax, MHD_OPTION_END);
    if (mhd_ == nullptr) return Error(ErrorKind::io, "the HTTP server cannot be started");
    return {};
  }

  void stop() {
    if (mhd_ == nullptr) return;
    for (auto& [connection, client] : clients_) {
      if (client.is_waiting()) resume(connection, client);
    }
    MHD_stop_daemon(std::exchange(mhd_, nullptr));
  }

  void add(UniqueFd fd, const sockaddr_storage& from, socklen_t from_bytes, Instant now) {
    now_ = now;
    // MHD owns it from here on, also when it says no.
    static_cast<void>(MHD_add_connection(mhd_, fd.release(), reinterpret_cast<const sockaddr*>(&from), from_bytes));
  }

  bool is_full() const {
    return std::count_if(clients_.begin(), clients_.end(), [](const auto& each) { return !each.second.is_closing; }) >=
           static_cast<std::ptrdiff_t>(kHttpClientsMax);
  }

  bool close_oldest() {
    return close_first([](const Client& client) { return !client.is_waiting(); });
  }

  int fd() const { return MHD_get_daemon_info(mhd_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd; }

  Instant next_deadline() const {
    Instant next = loop_.next_deadline();
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (MHD_get_timeout(mhd_, &milliseconds) == MHD_YES)
      next = std::min(next, now_ + std::chrono::milliseconds(milliseconds));
    return next;
  }

  void turn(Instant now) {
    now_ = now;
    settle();
    MHD_run(mhd_);
  }

 private:
  template <class May>
  bool close_first(May may) {
    Client* first = nullptr;
    for (auto& [connection, client] : clients_) {
      if (client.is_closing || !may(client)) continue;
      if (first == nullptr || client.moves < first->moves) first = &client;
    }
    if (first == nullptr) return false;
    // MHD sees the end, closes it and tells us, in its next turn: this may be called within one.
    first->is_closing = true;
    shutdown(first->fd, SHUT_RDWR);
    if (first->exchange != nullptr) let_go(*first->exchange);
    return true;
  }

  void moved(Client& client) {
    client.moves = ++moves_;
    client.moved_at = now_;
  }

  void let_go(HttpExchange& exchange) { held_bytes_ -= std::exchange(exchange.held_bytes, 0); }

  // The loop has answered, or will not.
  void settle() {
    for (auto& [connection, client] : clients_) {
      if (!client.is_waiting()) continue;
      HttpExchange& exchange = *client.exchange;
      std::optional<LoopAnswer> answer = loop_.take(*exchange.ticket, now_);
      if (!answer) continue;
      exchange.ticket.reset();
      if (!exchange.reply.pieces) {
        reply(connection, exchange, routes_.answer(exchange.request, *answer));
      } else if (answer->is_late) {
        exchange.has_failed = true;
      } else {
        exchange.piece = exchange.reply.pieces->next(answer->files).value_or("");
      }
      MHD_resume_connection(connection);
    }
  }

  void resume(MHD_Connection* connection, Client& client) {
    loop_.forget(*client.exchange->ticket);
    client.exchange->ticket.reset();
    client.exchange->has_failed = true;
    MHD_resume_connection(connection);
  }

  // Room for `bytes` more that wait to be taken.
  bool make_room(std::size_t bytes) {
    const auto is_slow = [this](const Client& client) {
      return client.exchange != nullptr && client.exchange->held_bytes > 0 && client.moved_at + kSlowAfter <= now_;
    };
    while (held_bytes_ > 0 && held_bytes_ + bytes > kHeldBytesMax) {
      if (!close_first(is_slow)) return false;
    }
    return true;
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* /*version*/, const char* /*body*/, std::size_t* body_bytes, void** seen) {
    Daemon& daemon = *static_cast<Daemon*>(self);
    try {
      return *seen == nullptr ? daemon.headers_came(connection, url, method, seen)
                              : daemon.request_came(connection, *body_bytes);
    } catch (const std::exception&) {
      return MHD_NO;  // closes the connection
    }
  }

  // What is refused for its headers is refused at once: a body is never read.
  MHD_Result headers_came(MHD_Connection* connection, const char* url, const char* method, void** seen) {
    Client& client = clients_.at(connection);
    client.exchange = std::make_unique<HttpExchange>();
    client.exchange->request.method = method;
    client.exchange->request.path = url;
    *seen = client.exchange.get();
    const bool is_read_only = client.exchange->request.method == "GET" || client.exchange->request.method == "HEAD";
    if (!is_read_only) return reply(connection, *client.exchange, routes_.answer(client.exchange->request, {}));
    if (!has_body(connection)) return MHD_YES;
    HttpReply refused;
    refused.status = 413;
    refused.body = "a request has no body here\n";
    return reply(connection, *client.exchange, std::move(refused));
  }

  MHD_Result request_came(MHD_Connection* connection, std::size_t body_bytes) {
    if (body_bytes != 0) return MHD_NO;
    Client& client = clients_.at(connection);
    moved(client);
    HttpExchange& exchange = *client.exchange;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &collect_argument, &exchange.request.arguments);
    const char* authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (authorization != nullptr) exchange.request.authorization = authorization;
    std::optional<LoopQuestion> question = routes_.question(exchange.request);
    if (!question) return reply(connection, exchange, routes_.answer(exchange.request, {}));
    if (is_too_much(*question)) return reply(connection, exchange, HttpRoutes::busy());
    exchange.wants_all_files = question->wants_sources;
    ask(connection, exchange, *std::move(question));
    return MHD_YES;
  }

  bool is_too_much(const LoopQuestion& question) const {
    std::size_t waiting = 0, readers = 0;
    for (const auto& [connection, client] : clients_) {
      if (client.exchange == nullptr || client.is_closing) continue;
      if (client.is_waiting()) ++waiting;
      if (client.exchange->wants_all_files) ++readers;
    }
    return (question.wants_snapshot && waiting >= kWaitingMax) ||
           (question.wants_sources && readers >= kAllFilesReadersMax);
  }

  void ask(MHD_Connection* connection, HttpExchange& exchange, LoopQuestion question) {
    exchange.ticket = loop_.ask(std::move(question), now_);
    MHD_suspend_connection(connection);
  }

  static bool has_body(MHD_Connection* connection) {
    const char* length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return (length != nullptr && std::strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding") != nullptr;
  }

  // MHD leaves the body out of the answer to a HEAD by itself.
  MHD_Result reply(MHD_Connection* connection, HttpExchange& exchange, HttpReply with) {
    if (!make_room(with.body.size())) with = HttpRoutes::busy();
    exchange.reply = std::move(with);
    exchange.held_bytes = exchange.reply.body.size();
    held_bytes_ += exchange.held_bytes;
    const std::uint64_t bytes = exchange.reply.pieces ? MHD_SIZE_UNKNOWN : exchange.reply.body.size();
    auto* who = new Taker{*this, connection};  // the response's, which outlives neither us nor the exchange
    MHD_Response* response = MHD_create_response_from_callback(bytes, kPieceBytes, &on_piece, who, &forget_taker);
    if (response == nullptr) {
      forget_taker(who);
      return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", exchange.reply.content_type.c_str());
    for (const auto& [name, value] : exchange.reply.headers)
      MHD_add_response_header(response, name.c_str(), value.c_str());
    const MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(exchange.reply.status), response);
    MHD_destroy_response(response);
    return queued;
  }

  struct Taker {
    Daemon& daemon;
    MHD_Connection* connection;
  };
  static void forget_taker(void* who) { delete static_cast<Taker*>(who); }

  static ssize_t on_piece(void* who, std::uint64_t position, char* to, std::size_t bytes_max) {
    const auto& [daemon, connection] = *static_cast<const Taker*>(who);
    try {
      Client& client = daemon.clients_.at(connection);
      daemon.moved(client);
      HttpExchange& exchange = *client.exchange;
      if (exchange.has_failed) return MHD_CONTENT_READER_END_WITH_ERROR;
      if (std::optional<LoopQuestion> question = exchange.next_question()) {
        daemon.ask(connection, exchange, *std::move(question));
        return 0;
      }
      const std::size_t taken = exchange.take(position, to, bytes_max);
      return taken == 0 ? MHD_CONTENT_READER_END_OF_STREAM : static_cast<ssize_t>(taken);
    } catch (const std::exception&) {
      return MHD_CONTENT_READER_END_WITH_ERROR;
    }
  }

  static void on_connection(void* self, MHD_Connection* connection, void** /*ours*/,
                            MHD_ConnectionNotificationCode what) {
    Daemon& daemon = *static_cast<Daemon*>(self);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
      daemon.clients_.erase(connection);
      return;
    }
    const int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    Client& client = daemon.clients_[connection];
    client.fd = fd;
    daemon.moved(client);
  }

  static void on_completed(void* self, MHD_Connection* connection, void** seen, MHD_RequestTerminationCode) {
    Daemon& daemon = *static_cast<Daemon*>(self);
    *seen = nullptr;
    const auto found = daemon.clients_.find(connection);
    if (found == daemon.clients_.end() || !found->second.exchange) return;
    Client& client = found->second;
    if (client.is_waiting()) daemon.loop_.forget(*client.exchange->ticket);
    daemon.let_go(*client.exchange);
    client.exchange.reset();
    daemon.moved(client);
  }

  LoopQuestions& loop_;
  const HttpRoutes routes_;
  MHD_Daemon* mhd_ = nullptr;
  std::map<MHD_Connection*, Client> clients_;
  std::size_t held_bytes_ = 0;
  std::uint64_t moves_ = 0;
  Instant now_{};
};

HttpConnections::HttpConnections(LoopQuestions& loop, HttpRoutes routes)
    : daemon_(std::make_unique<Daemon>(loop, std::move(routes))) {}
HttpConnections::~HttpConnections() = default;

Status HttpConnections::start() { return daemon_->start(); }
void HttpConnections::stop() { daemon_->stop(); }
void HttpConnections::add(UniqueFd client, const sockaddr_storage& from, socklen_t from_bytes, Instant now) {
  daemon_->add(std::move(client), from, from_bytes, now);
}
bool HttpConnections::is_full() const { return daemon_->is_full(); }
bool HttpConnections::close_oldest() { return daemon_->close_oldest(); }
int HttpConnections::fd() const { return daemon_->fd(); }
Instant HttpConnections::next_deadline() const { return daemon_->next_deadline(); }
void HttpConnections::turn(Instant now) { daemon_->turn(now); }

}  // namespace tailrace
