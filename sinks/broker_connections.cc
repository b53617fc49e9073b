#include "sinks/broker_connections.h"

namespace tailrace {
namespace {

Connection connection_of(std::string_view state) {
  if (state == "UP" || state == "UPDATE") return Connection::up;
  if (state == "CONNECT") return Connection::connecting;
  if (state == "SSL_HANDSHAKE") return Connection::tls;
  if (state == "APIVERSION_QUERY") return Connection::greeting;
  if (state.starts_with("AUTH_")) return Connection::login;
  return Connection::none;  // INIT, DOWN, TRY_CONNECT, and what a later librdkafka may name
}

}  // namespace

void BrokerConnections::note(const char* name, int port, std::string_view state, EventFd& wake) {
  if (name == nullptr || *name == '\0') return;  // librdkafka's internal one
  const Connection now = connection_of(state);
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    auto& [before, has_changed] = states_[std::string(name) + ":" + std::to_string(port)];
    if (before == now) return;
    wakes = before == Connection::up || now == Connection::up;
    before = now;
    has_changed = true;
  }
  if (wakes) wake.signal();
}

void BrokerConnections::take(std::vector<BrokerConnection>& changed) {
  const std::lock_guard lock(mutex_);
  for (auto& [address, state] : states_) {
    if (std::exchange(state.second, false)) changed.push_back({.address = address, .state = state.first});
  }
}

}  // namespace tailrace
