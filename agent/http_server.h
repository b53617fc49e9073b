// HttpServer: the HTTP port: sockets and threads around HttpRoutes (libmicrohttpd; docs/decisions says why).
//
// Few threads of its own, bounded connections, bounded memory a connection, bounded idle time: what comes from outside
// cannot take more. Ends with the object; then no thread of it runs any more.
#pragma once

#include <memory>
#include <string>

#include "agent/http_routes.h"
#include "base/error.h"

namespace tailrace {

class HttpServer {
 public:
  // `listen` is HOST:PORT or [IPv6]:PORT; port 0 picks one. Errors: bad_input for what is no address; else what the
  // kernel says (an address in use). `routes.source` must outlive the server.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& listen, HttpRoutes routes);
  virtual ~HttpServer() = default;

  // Where it listens: "127.0.0.1:9727", "[::1]:9727".
  virtual const std::string& address() const = 0;
};

}  // namespace tailrace
