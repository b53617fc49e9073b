// loopback: sockets on free ports of 127.0.0.1, for the harness's own servers. Failures abort.
#pragma once

#include <cstdint>

namespace tailrace::e2e {

int listen_on_loopback();                     // non-blocking; the caller closes it
std::uint16_t port_of(int socket);            // that it is bound to
int connect_to_loopback(std::uint16_t port);  // non-blocking, maybe not yet connected; -1 when refused at once

}  // namespace tailrace::e2e
