// Notify: tells the service manager how we are (the sd_notify datagrams of systemd: READY=1, STOPPING=1, WATCHDOG=1).
//
// Written here and not taken from libsystemd because its sd_notify(3) may wait for a full socket, and the loop thread
// never waits: a datagram that does not fit now is dropped. Without NOTIFY_SOCKET everything here does nothing.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace tailrace {

class Notify {
 public:
  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of the environment; takes them out of it, so that no child
  // speaks for us. Call before the first thread starts.
  static Notify from_environment();

  Notify() = default;
  void ready(const std::string& status);
  void stopping(const std::string& status);

  // How often `alive` must be called: half of what the service manager allows. Empty when it watches nothing.
  std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }
  void alive();

 private:
  void send(const std::string& text);

  UniqueFd socket_;
  std::string address_;  // as in NOTIFY_SOCKET; "@" first: abstract
  std::optional<Duration> watchdog_interval_;
};

}  // namespace tailrace
