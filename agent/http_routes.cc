#include "agent/http_routes.h"

#include <exception>

#include "agent/http_page.h"
#include "agent/process_usage.h"

namespace tailrace {

namespace {

HttpReply plain(int status, std::string line) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(line) + "\n";
  return reply;
}

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

bool wants_all_files(const HttpRequest& request) {
  const auto files = request.arguments.find("files");
  return files != request.arguments.end() && files->second == "all";
}

HttpReply healthz(const LoopAnswer& loop) {
  return loop.is_turning ? plain(200, "ok") : plain(503, "the loop does not turn");
}

HttpReply readyz(const Snapshot& snapshot, bool wants_sinks) {
  if (!snapshot.is_scanned) return plain(503, "the first scan is not done");
  std::string missing;
  for (const SinkSnapshot& sink : snapshot.sinks) {
    if (!wants_sinks || sink.status.has_connected) continue;
    missing += (missing.empty() ? "" : ", ") + sink.name;
  }
  return missing.empty() ? plain(200, "ok") : plain(503, "sinks that have not reached their broker: " + missing);
}

HttpReply page() {
  HttpReply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = status_page();
  reply.headers.emplace_back("Content-Security-Policy",
                             "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                             "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'");
  return reply;
}

}  // namespace

std::optional<LoopQuestion> HttpRoutes::question(const HttpRequest& request) const {
  if ((request.method != "GET" && request.method != "HEAD") || !is_allowed(request)) return std::nullopt;
  if (request.path == "/healthz") return LoopQuestion{};
  if (request.path == "/readyz" || request.path == "/metrics") return LoopQuestion{.wants_snapshot = true, .files = {}};
  if (request.path != "/status.json") return std::nullopt;
  if (wants_all_files(request)) return LoopQuestion{.wants_snapshot = true, .wants_sources = true, .files = {}};
  return LoopQuestion{.wants_snapshot = true, .lagging_files_max = kLaggingFilesMax, .files = {}};
}

HttpReply HttpRoutes::answer(const HttpRequest& request, const LoopAnswer& loop) const {
  HttpReply reply;
  try {
    reply = routed(request, loop);
  } catch (const std::exception& e) {
    reply = plain(500, e.what());
  }
  reply.headers.emplace_back("Cache-Control", "no-store");
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return reply;
}

HttpReply HttpRoutes::busy() { return plain(503, "too many ask at once; ask again in a moment"); }

HttpReply HttpRoutes::routed(const HttpRequest& request, const LoopAnswer& loop) const {
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
  if (request.path == "/") return page();
  if (request.path == "/healthz") return healthz(loop);
  if (!question(request)) return plain(404, "not found; there are / /metrics /status.json /healthz /readyz");
  if (!loop.snapshot) return plain(503, "the loop has not answered yet");
  if (request.path == "/readyz") return readyz(*loop.snapshot, request.arguments.contains("sinks"));
  if (request.path == "/metrics") return metrics(*loop.snapshot);
  HttpReply reply;
  reply.content_type = "application/json";
  if (!wants_all_files(request)) {
    reply.body = status_json(*loop.snapshot, build.version, kLaggingFilesMax);
  } else if (loop.is_late) {
    reply = plain(503, "the loop has not answered");  // the last Snapshot need not name all files
  } else {
    reply.pieces = std::make_unique<StatusPieces>(loop.snapshot, build.version);
  }
  return reply;
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

HttpReply HttpRoutes::metrics(const Snapshot& snapshot) const {
  HttpReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = metrics_text(snapshot, process_usage(), build);
  return reply;
}

}  // namespace tailrace
