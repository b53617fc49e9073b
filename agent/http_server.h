// HttpServer: the HTTP port: a listener and one thread around HttpConnections and HttpRoutes.
//
// Bounded connections, bounded memory, bounded idle time: what comes from outside cannot take more. A new client is
// always served: when there is no room, the oldest that has sent no whole request, or does not read, makes it. Ends
// with the object; then no thread of it runs any more.
#pragma once

#include <memory>
#include <string>

#include "agent/http_routes.h"
#include "base/error.h"

namespace tailrace {

class HttpServer {
 public:
  // `listen` is HOST:PORT or [IPv6]:PORT; port 0 picks one. Errors: bad_input for what is no address; else what the
  // kernel says (an address in use). `loop` must outlive the server, which alone asks it.
  static Result<std::unique_ptr<HttpServer>> start(const std::string& listen, LoopQuestions& loop, HttpRoutes routes);
  virtual ~HttpServer() = default;

  // Where it listens: "127.0.0.1:9727", "[::1]:9727".
  virtual const std::string& address() const = 0;
};

}  // namespace tailrace
