// How far the demo's agent is behind, as its own /metrics say.
#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "agent/commands/demo_agent.h"
#include "agent/http_client.h"

namespace tailrace {

DemoLag parse_lag(std::string_view metrics) {
  DemoLag lag;
  while (!metrics.empty()) {
    const std::size_t end = std::min(metrics.find('\n'), metrics.size());
    const std::string_view line = metrics.substr(0, end);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
    const bool is_bytes = line.starts_with("tailrace_lag_bytes{");
    if (!is_bytes && !line.starts_with("tailrace_lag_seconds{")) continue;
    DemoLag::Stage* stage = nullptr;
    if (line.find("stage=\"read\"") != std::string_view::npos) stage = &lag.read;
    if (line.find("stage=\"acked\"") != std::string_view::npos) stage = &lag.acked;
    if (line.find("stage=\"durable\"") != std::string_view::npos) stage = &lag.durable;
    const std::size_t space = line.rfind(' ');
    double value = 0;
    if (stage == nullptr || space == std::string_view::npos) continue;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    if (is_bytes) {
      stage->bytes += static_cast<std::uint64_t>(value);
    } else {
      stage->seconds = std::max(stage->seconds, value);
    }
  }
  return lag;
}

std::optional<DemoLag> ask_lag(const std::string& state_dir) {
  std::ifstream file(state_dir + "/http.addr");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const Result<HttpTarget> target = HttpTarget::parse(line);
  if (!target) return std::nullopt;
  const Result<HttpAnswer> answer = http_get(*target, "/metrics", "", std::chrono::milliseconds(200));
  if (!answer || answer->status != 200) return std::nullopt;
  return parse_lag(answer->body);
}

}  // namespace tailrace
