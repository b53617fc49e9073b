// http_client: one GET, over a socket, for the agent's pages.
#pragma once

#include <optional>
#include <string>

namespace tailrace::e2e {

struct HttpResponse {
  int status = 0;
  std::string body;
};

// `address` is "host:port" with a numeric IPv4 host. Nothing when nobody answers within 5 s.
std::optional<HttpResponse> http_get(const std::string& address, const std::string& path,
                                     const std::string& method = "GET");

}  // namespace tailrace::e2e
