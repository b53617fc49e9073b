#include "base/unique_fd.h"

#include <unistd.h>

namespace tailrace {

void UniqueFd::reset() noexcept {
  if (fd_ < 0) return;
  const int fd = std::exchange(fd_, -1);
  if (closer_ != nullptr) {
    closer_->close_fd(fd);
  } else {
    ::close(fd);  // EINTR: Linux has freed the descriptor all the same, so it is never closed twice
  }
}

}  // namespace tailrace
