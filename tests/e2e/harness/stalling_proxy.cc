#include "tests/e2e/harness/stalling_proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "tests/e2e/harness/loopback.h"

namespace tailrace::e2e {
namespace {

constexpr std::size_t kHeldBytesMax = 64u * 1024 * 1024;
constexpr std::size_t kPieceBytes = 256u * 1024;

}  // namespace

StallingProxy::StallingProxy()
    : listener_(listen_on_loopback()),
      port_(port_of(listener_)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      received_(kPieceBytes) {
  thread_ = std::thread([this] { run(); });
}

StallingProxy::~StallingProxy() {
  order([](Orders& orders) { orders.stops = true; });
  thread_.join();
  for (const auto& connection : connections_) {
    for (const Direction& direction : connection->directions) ::close(direction.from);
  }
  ::close(listener_);
  ::close(wake_);
}

template <class Change>
void StallingProxy::order(Change&& change) {
  const std::lock_guard lock(mutex_);
  change(orders_);
  ::eventfd_write(wake_, 1);
}

void StallingProxy::forward_to(std::uint16_t port) {
  order([&](Orders& orders) { orders.target = port; });
}
void StallingProxy::stall() {
  order([](Orders& orders) { orders.stalls = true; });
}
void StallingProxy::let_go() {
  order([](Orders& orders) { orders.stalls = false; });
}
void StallingProxy::delay(std::chrono::microseconds one_way) {
  order([&](Orders& orders) { orders.one_way = one_way; });
}

void StallingProxy::run() {
  while (true) {
    Orders orders;
    {
      const std::lock_guard lock(mutex_);
      orders = orders_;
    }
    if (orders.stops) return;
    if (orders.target != 0) accept_all(orders);
    for (const auto& connection : connections_) {
      for (Direction& direction : connection->directions) {
        if (!receive(direction, orders)) connection->is_broken = true;
        if (!orders.stalls && !forward(direction)) connection->is_broken = true;
      }
    }
    std::erase_if(connections_, [&](const auto& connection) {
      const auto& [there, back] = connection->directions;
      // What broke is told with the rest, after a stall.
      const bool ends = (connection->is_broken && !orders.stalls) || (there.is_over && back.is_over);
      if (!ends) return false;
      ::close(there.from);
      ::close(back.from);
      return true;
    });
    wait_for_something(orders);
  }
}

void StallingProxy::wait_for_something(const Orders& orders) {
  std::vector<pollfd> waited = {{wake_, POLLIN, 0}};
  if (orders.target != 0) waited.push_back({listener_, POLLIN, 0});
  std::optional<Time> due;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& connection : connections_) {
    if (connection->is_broken) continue;  // only while it stalls
    for (const Direction& direction : connection->directions) {
      if (!direction.is_read && direction.held_bytes < kHeldBytesMax) waited.push_back({direction.from, POLLIN, 0});
      if (orders.stalls || direction.held.empty()) continue;
      if (direction.held.front().due <= now) {
        waited.push_back({direction.to, POLLOUT, 0});
      } else {
        due = due ? std::min(*due, direction.held.front().due) : direction.held.front().due;
      }
    }
  }
  timespec timeout{};
  if (due) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(*due - now);
    timeout = {.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
  }
  ::ppoll(waited.data(), waited.size(), due ? &timeout : nullptr, nullptr);
  eventfd_t ignored = 0;
  ::eventfd_read(wake_, &ignored);
}

void StallingProxy::accept_all(const Orders& orders) {
  while (true) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    const int on = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int server = connect_to_loopback(orders.target);
    if (server < 0) {
      ::close(client);
      continue;
    }
    auto connection = std::make_unique<Connection>();
    connection->directions[0].from = connection->directions[1].to = client;
    connection->directions[1].from = connection->directions[0].to = server;
    connections_.push_back(std::move(connection));
  }
}

bool StallingProxy::receive(Direction& direction, const Orders& orders) {
  while (!direction.is_read && direction.held_bytes < kHeldBytesMax) {
    const ssize_t got = ::recv(direction.from, received_.data(), received_.size(), 0);
    // Not connected yet is no end.
    if (got < 0) return errno == EAGAIN || errno == ENOTCONN;
    direction.is_read = got == 0;
    direction.held_bytes += static_cast<std::size_t>(got);
    direction.held.push_back({std::string(received_.data(), static_cast<std::size_t>(got)),
                              std::chrono::steady_clock::now() + orders.one_way});
  }
  return true;
}

bool StallingProxy::forward(Direction& direction) {
  while (!direction.held.empty() && direction.held.front().due <= std::chrono::steady_clock::now()) {
    const Piece& piece = direction.held.front();
    if (piece.bytes.empty()) {
      ::shutdown(direction.to, SHUT_WR);
      direction.is_over = true;
    } else {
      const ssize_t sent =
          ::send(direction.to, piece.bytes.data() + direction.sent, piece.bytes.size() - direction.sent, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
      direction.held_bytes -= static_cast<std::size_t>(sent);
      direction.sent += static_cast<std::size_t>(sent);
      if (direction.sent < piece.bytes.size()) return true;
    }
    direction.sent = 0;
    direction.held.pop_front();
  }
  return true;
}

}  // namespace tailrace::e2e
