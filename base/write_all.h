// write_all: a whole text to a descriptor that others may have made non-blocking (a pipe, a terminal).
#pragma once

#include <string_view>

#include "base/error.h"

namespace tailrace {

// Blocks until all is written, as write(2) to a blocking descriptor would: EINTR and EAGAIN are no end. The error is
// write's; `again` when nothing could be written for `patience_ms` (-1: without end).
Status write_all(int fd, std::string_view text, int patience_ms = -1);

}  // namespace tailrace
