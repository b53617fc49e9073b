#include "agent/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace tailrace {

namespace {

std::optional<std::string> take_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string text = value;
  unsetenv(name);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Notify Notify::from_environment() {
  Notify notify;
  const auto address = take_variable("NOTIFY_SOCKET");
  const auto watchdog = take_variable("WATCHDOG_USEC");
  const auto watchdog_pid = take_variable("WATCHDOG_PID");
  // A path or an abstract name; what else there is (vsock) speaks to managers of virtual machines.
  if (!address || address->size() < 2 || (address->front() != '/' && address->front() != '@')) return notify;
  if (address->size() >= sizeof(sockaddr_un::sun_path)) return notify;
  notify.socket_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  notify.address_ = *address;

  const bool is_for_us = !watchdog_pid || number(*watchdog_pid) == static_cast<std::uint64_t>(getpid());
  if (watchdog && is_for_us) {
    const auto microseconds = number(*watchdog);
    if (microseconds && *microseconds > 0) notify.watchdog_interval_ = std::chrono::microseconds(*microseconds) / 2;
  }
  return notify;
}

void Notify::ready(const std::string& status) { send("READY=1\nSTATUS=" + status); }
void Notify::stopping(const std::string& status) { send("STOPPING=1\nSTATUS=" + status); }
void Notify::alive() { send("WATCHDOG=1"); }

void Notify::send(const std::string& text) {
  if (!socket_) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (address_.front() == '@') to.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // A manager that does not take it learns it from the next one; READY=1 is sent when its queue is surely empty.
  static_cast<void>(!sendto(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                            reinterpret_cast<const sockaddr*>(&to), length));
}

}  // namespace tailrace
