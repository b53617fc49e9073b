#include "base/write_all.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace tailrace {

Status write_all(int fd, std::string_view text, int patience_ms) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error::from_errno(errno);
    // O_NONBLOCK belongs to the open file, which the shell and others share: it is not ours to take off.
    pollfd full{fd, POLLOUT, 0};
    const int ready = ::poll(&full, 1, patience_ms);
    if (ready == 0) return Error::from_errno(EAGAIN);
  }
  return {};
}

}  // namespace tailrace
