// HttpListener: the socket of `http.listen`, bound here, so that an address in use is an errno. Blocks (a name is
// looked up).
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace tailrace {

// HOST:PORT or [IPv6]:PORT; port 0 picks one. Errors: bad_input for what is no address; else what the kernel says.
// Non-blocking; what it accepts has small buffers in the kernel.
Result<UniqueFd> listen_on(const std::string& address);

// "127.0.0.1:9727" of such a socket.
Result<std::string> bound_address(int fd);

}  // namespace tailrace
