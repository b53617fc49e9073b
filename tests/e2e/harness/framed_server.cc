#include "tests/e2e/harness/framed_server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "tests/e2e/harness/loopback.h"

namespace tailrace::e2e {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kInBytesMax = 64u * 1024 * 1024;

// The length of the first frame with its own four bytes; nothing while those are not there.
std::optional<std::size_t> frame_bytes(const std::string& in) {
  if (in.size() < kLengthBytes) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length = (length << 8) | static_cast<unsigned char>(in[i]);
  return kLengthBytes + length;
}

std::string framed(const std::string& answer) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(answer.size() >> shift);
  return out + answer;
}

}  // namespace

FramedServer::FramedServer(int ports, OnRequest on_request)
    : on_request_(std::move(on_request)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  for (int i = 0; i < ports; ++i) {
    listeners_.push_back(listen_on_loopback());
    ports_.push_back(port_of(listeners_.back()));
  }
  thread_ = std::thread([this] { run(); });
}

FramedServer::~FramedServer() {
  order([](Orders& orders) { orders.stops = true; });
  thread_.join();
  for (const auto& connection : connections_) ::close(connection->fd);
  for (const int listener : listeners_) ::close(listener);
  ::close(wake_);
}

template <class Change>
void FramedServer::order(Change&& change) {
  const std::lock_guard lock(mutex_);
  change(orders_);
  ::eventfd_write(wake_, 1);
}

void FramedServer::freeze(bool is_frozen) {
  order([&](Orders& orders) { orders.is_frozen = is_frozen; });
}
void FramedServer::hold_answers(bool is_held) {
  order([&](Orders& orders) { orders.is_held = is_held; });
}
void FramedServer::answer_after(std::chrono::milliseconds time) {
  order([&](Orders& orders) { orders.answer_time = time; });
}
void FramedServer::disconnect() {
  order([](Orders& orders) { orders.disconnects = true; });
}

void FramedServer::run() {
  while (true) {
    Orders orders;
    {
      const std::lock_guard lock(mutex_);
      orders = orders_;
      orders_.disconnects = false;
    }
    if (orders.stops) return;
    if (!orders.is_frozen) {
      accept_all();
      for (const auto& connection : connections_) {
        connection->is_over = connection->is_over || orders.disconnects;
        if (!connection->is_over) receive(*connection);
        if (!connection->is_over) serve(*connection, orders);
      }
      std::erase_if(connections_, [](const auto& connection) {
        if (connection->is_over) ::close(connection->fd);
        return connection->is_over;
      });
    }
    wait_for_something(orders);
  }
}

void FramedServer::wait_for_something(const Orders& orders) {
  std::vector<pollfd> waited = {{wake_, POLLIN, 0}};
  auto timeout = std::chrono::milliseconds(-1);
  if (!orders.is_frozen) {
    for (const int listener : listeners_) waited.push_back({listener, POLLIN, 0});
    for (const auto& connection : connections_) {
      short events = connection->in.size() < kInBytesMax ? POLLIN : 0;
      if (connection->due && !orders.is_held) {
        const auto left = *connection->due - std::chrono::steady_clock::now();
        if (left <= left.zero()) {
          events = static_cast<short>(events | POLLOUT);
        } else {
          const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left);
          timeout = timeout.count() < 0 ? whole : std::min(timeout, whole);
        }
      }
      waited.push_back({connection->fd, events, 0});
    }
  }
  ::poll(waited.data(), waited.size(), static_cast<int>(timeout.count()));
  eventfd_t ignored = 0;
  ::eventfd_read(wake_, &ignored);
}

void FramedServer::accept_all() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    while (true) {
      const int fd = ::accept4(listeners_[i], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) break;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.push_back(std::make_unique<Connection>());
      connections_.back()->fd = fd;
      connections_.back()->port = static_cast<int>(i);
    }
  }
}

void FramedServer::receive(Connection& connection) {
  char bytes[256 * 1024];
  while (connection.in.size() < kInBytesMax) {
    const ssize_t got = ::recv(connection.fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      connection.is_hung_up = true;
      return;
    }
    connection.in.append(bytes, static_cast<std::size_t>(got));
  }
}

void FramedServer::serve(Connection& connection, const Orders& orders) {
  while (!connection.is_over) {
    if (connection.is_hung_up) {
      connection.is_over = !serve_next(connection);
      continue;
    }
    if (connection.due) {
      if (orders.is_held || *connection.due > std::chrono::steady_clock::now()) return;
      send(connection);
      if (connection.due) return;
    }
    if (!serve_next(connection)) return;
    if (!connection.out.empty()) connection.due = std::chrono::steady_clock::now() + orders.answer_time;
  }
}

// False when no request is there whole.
bool FramedServer::serve_next(Connection& connection) {
  const auto length = frame_bytes(connection.in);
  if (!length || connection.in.size() < *length) return false;
  const auto answer =
      on_request_(connection.port, std::string_view(connection.in).substr(kLengthBytes, *length - kLengthBytes));
  connection.in.erase(0, *length);
  connection.out = answer ? framed(*answer) : std::string();
  return true;
}

void FramedServer::send(Connection& connection) {
  const ssize_t sent = ::send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    connection.is_over = errno != EAGAIN;
    return;
  }
  connection.out.erase(0, static_cast<std::size_t>(sent));
  if (connection.out.empty()) connection.due.reset();
}

}  // namespace tailrace::e2e
