// The plain system calls behind the engines that have no ring.
#pragma once

#include <cstdint>
#include <optional>

#include "base/io_engine.h"

namespace tailrace {

struct IoCompletion {
  IoClient* client = nullptr;
  std::uint64_t token = 0;
  std::int64_t result = 0;  // as in IoClient::on_io_done
};

// Does `request`, waiting for as long as it takes; writes are whole. Any thread. Returns bytes, a descriptor or -errno,
// never -EINTR or -EAGAIN.
std::int64_t run_blocking(const IoRequest& request);

// A read of what is in the page cache; nothing when that is not all that was asked for, when it would have to wait, or
// when the file system cannot tell.
std::optional<std::int64_t> read_cached(const IoRequest& request);

}  // namespace tailrace
