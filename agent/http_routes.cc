#include "agent/http_routes.h"

#include <exception>
#include <limits>

#include "agent/http_page.h"
#include "agent/process_usage.h"
#include "agent/status_json.h"

namespace tailrace {

namespace {

HttpReply plain(int status, std::string line) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(line) + "\n";
  return reply;
}

HttpReply no_answer() { return plain(503, "the loop has not answered yet"); }

// Takes as long for a wrong token as for a right one of that length.
bool is_same(const std::string& a, const std::string& b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^
                                        static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]));
  }
  return difference == 0;
}

bool is_open_path(const std::string& path) { return path == "/healthz" || path == "/readyz"; }

}  // namespace

HttpReply HttpRoutes::answer(const HttpRequest& request) const {
  HttpReply reply;
  try {
    reply = routed(request);
  } catch (const std::exception& e) {
    reply = plain(500, e.what());
  }
  reply.headers.emplace_back("Cache-Control", "no-store");
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return reply;
}

HttpReply HttpRoutes::routed(const HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    HttpReply reply = plain(405, "only GET and HEAD");
    reply.headers.emplace_back("Allow", "GET, HEAD");
    return reply;
  }
  if (!is_allowed(request)) {
    HttpReply reply = plain(401, "a bearer token is wanted (http.token_file)");
    reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"tailrace\"");
    return reply;
  }
  if (request.path == "/healthz") return healthz();
  if (request.path == "/readyz") return readyz(request.arguments.contains("sinks"));
  if (request.path == "/metrics") return metrics();
  if (request.path == "/status.json") {
    const auto files = request.arguments.find("files");
    return status(files != request.arguments.end() && files->second == "all");
  }
  if (request.path == "/") {
    HttpReply reply;
    reply.content_type = "text/html; charset=utf-8";
    reply.body = status_page();
    reply.headers.emplace_back("Content-Security-Policy",
                               "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                               "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    return reply;
  }
  return plain(404, "not found; there are / /metrics /status.json /healthz /readyz");
}

bool HttpRoutes::is_allowed(const HttpRequest& request) const {
  if (token.empty() || is_open_path(request.path)) return true;
  constexpr std::string_view kScheme = "bearer ";
  if (request.authorization.size() < kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = request.authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return false;
  }
  const auto begin = request.authorization.find_first_not_of(' ', kScheme.size());
  return begin != std::string::npos && is_same(request.authorization.substr(begin), token);
}

HttpReply HttpRoutes::healthz() const {
  return source.is_turning() ? plain(200, "ok") : plain(503, "the loop does not turn");
}

HttpReply HttpRoutes::readyz(bool wants_sinks) const {
  const auto snapshot = source.fresh(0);
  if (!snapshot) return no_answer();
  if (!snapshot->is_scanned) return plain(503, "the first scan is not done");
  std::string missing;
  for (const SinkSnapshot& sink : snapshot->sinks) {
    if (!wants_sinks || sink.status.has_connected) continue;
    missing += (missing.empty() ? "" : ", ") + sink.name;
  }
  return missing.empty() ? plain(200, "ok") : plain(503, "sinks that have not reached their broker: " + missing);
}

HttpReply HttpRoutes::metrics() const {
  const auto snapshot = source.fresh(0);
  if (!snapshot) return no_answer();
  HttpReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = metrics_text(*snapshot, process_usage(), build);
  return reply;
}

HttpReply HttpRoutes::status(bool wants_all_files) const {
  const std::size_t files_max = wants_all_files ? std::numeric_limits<std::size_t>::max() : kLaggingFilesMax;
  const auto snapshot = source.fresh(files_max);
  if (!snapshot) return no_answer();
  HttpReply reply;
  reply.content_type = "application/json";
  reply.body = status_json(*snapshot, build.version, files_max);
  return reply;
}

}  // namespace tailrace
