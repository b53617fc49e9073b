#include "base/event_fd.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/check.h"
#include "base/error.h"

namespace tailrace {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TR_ASSERT(fd_.get() >= 0, "eventfd: {}", Error::from_errno(errno).text());
}

void EventFd::signal() noexcept {
  const std::uint64_t one = 1;
  while (::write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    // EAGAIN, the only other outcome, means that the counter is full: it is readable already.
  }
}

void EventFd::clear() noexcept {
  std::uint64_t count = 0;
  while (::read(fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    // EAGAIN: nothing was signalled, which is what we want.
  }
}

}  // namespace tailrace
