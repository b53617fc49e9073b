// EventFd: wakes the loop from another thread, or from the kernel's ring.
#pragma once

#include "base/unique_fd.h"

namespace tailrace {

class EventFd {
 public:
  // Made at the start, before any file is open: having no descriptor left there aborts with the errno.
  EventFd();

  void signal() noexcept;  // any thread: `fd` becomes readable
  void clear() noexcept;   // loop thread: until the next signal it is not
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace tailrace
