#include "tests/e2e/harness/agent_config.h"

#include <cstdio>
#include <sstream>

namespace tailrace::e2e {
namespace {

// A TOML basic string.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

// A TOML array of what stands between commas.
std::string list(const std::string& text) {
  std::string result = "[";
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) result += quoted(part) + ", ";
  return result + "]";
}

}  // namespace

std::string AgentConfig::toml() const {
  std::ostringstream out;
  out << "[agent]\nname = \"e2e\"\nstate_dir = " << quoted(state_dir) << "\n";
  if (!engine.empty()) out << "engine = " << quoted(engine) << "\n";
  out << agent_lines << "\n[checkpoint]\nfsync = " << quoted(fsync) << "\n";
  out << checkpoint_lines << "\n[http]\nlisten = " << quoted(listen) << "\n";
  out << "[tailers.app]\ninclude = [";
  for (const std::string& glob : include) out << quoted(glob) << ", ";
  out << "]\nsink = \"main\"\n" << tailer_lines << "\n";
  out << "[sinks.main]\ntype = " << quoted(sink_type) << "\n";
  if (sink_type == "kafka") out << "brokers = " << list(brokers) << "\ntopic = " << quoted(topic) << "\n";
  if (!memory.empty()) out << "memory = " << quoted(memory) << "\n";
  out << sink_lines << "\n" << more << "\n";
  return out.str();
}

}  // namespace tailrace::e2e
