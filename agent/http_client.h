// HttpClient: one GET of a running agent, for `tailrace status`. Plain HTTP: TLS is a proxy's work.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace tailrace {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

struct HttpTarget {
  std::string host;  // without brackets
  std::string port;
  std::string path_prefix;  // "" or "/behind/a/proxy", without a last "/"

  // "http://HOST[:PORT][/PREFIX]", or what state_dir/http.addr says ("0.0.0.0:9727" means this host). The port defaults
  // to 9727. Errors: bad_input.
  static Result<HttpTarget> parse(const std::string& url);
};

// Blocks, at most `timeout` for everything. `path` begins with "/". `token`: "" for none. Errors: refused, again (no
// answer in time), bad_input (what came is no HTTP), io.
Result<HttpAnswer> http_get(const HttpTarget& target, const std::string& path, const std::string& token,
                            Duration timeout);

}  // namespace tailrace
