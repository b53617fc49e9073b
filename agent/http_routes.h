// HttpRoutes: what each path of the HTTP server answers (contract, section 5). Knows no socket. Any thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/metrics.h"
#include "agent/snapshot_exchange.h"

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
  std::string body;  // left out of the answer to HEAD by the server
  std::vector<std::pair<std::string, std::string>> headers;
};

struct HttpRoutes {
  SnapshotSource& source;
  BuildInfo build;
  std::string token;  // "": every path is open

  // May wait for the loop, as long as `source` does. Never throws.
  HttpReply answer(const HttpRequest& request) const;

 private:
  HttpReply routed(const HttpRequest& request) const;
  HttpReply healthz() const;
  HttpReply readyz(bool wants_sinks) const;
  HttpReply metrics() const;
  HttpReply status(bool wants_all_files) const;
  bool is_allowed(const HttpRequest& request) const;
};

}  // namespace tailrace
