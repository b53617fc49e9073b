// HttpRoutes: what each path of the HTTP server answers (contract, section 5). Knows no socket. Any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/metrics.h"
#include "agent/snapshot_exchange.h"
#include "agent/status_json.h"

namespace tailrace {

struct HttpRequest {
  std::string method;
  std::string path;                              // decoded, without the query
  std::map<std::string, std::string> arguments;  // of the query; one without "=" is ""
  std::string authorization;                     // the header's value; "" without one
};

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;                      // left out of the answer to HEAD by the server
  std::unique_ptr<StatusPieces> pieces;  // instead of `body`: too much to be held at once
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HttpRoutes {
  BuildInfo build;
  std::string token;  // "": every path is open

  // What the answer to `request` needs of the loop; nullopt: nothing.
  std::optional<LoopQuestion> question(const HttpRequest& request) const;
  // Never throws. Waits for nothing.
  HttpReply answer(const HttpRequest& request, const LoopAnswer& loop) const;
  // There are too many who ask for the same.
  static HttpReply busy();

 private:
  HttpReply routed(const HttpRequest& request, const LoopAnswer& loop) const;
  HttpReply metrics(const Snapshot& snapshot) const;
  bool is_allowed(const HttpRequest& request) const;
};

}  // namespace tailrace
