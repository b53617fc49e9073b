// Waiting for a descriptor with a bound that only a hang reaches.
#pragma once

#include <poll.h>

namespace tailrace {

inline constexpr int kHangMs = 30'000;

// False: nothing came before the bound, or `wait_ms` ran out.
inline bool is_readable(int fd, int wait_ms = 0) {
  pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, wait_ms) > 0;
}

}  // namespace tailrace
