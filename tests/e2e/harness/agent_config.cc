#include "tests/e2e/harness/agent_config.h"

#include <cstdio>
#include <sstream>

namespace tailrace::e2e {
namespace {

// A TOML basic string.
std::string toml_string(const std::string& text) {
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
  for (std::string part; std::getline(parts, part, ',');) result += toml_string(part) + ", ";
  return result + "]";
}

}  // namespace

std::string AgentConfig::toml() const {
  std::ostringstream out;
  out << "[agent]\nname = \"e2e\"\nstate_dir = " << toml_string(state_dir) << "\n";
  if (!engine.empty()) out << "engine = " << toml_string(engine) << "\n";
  out << agent_lines << "\n[checkpoint]\nfsync = " << toml_string(fsync) << "\n";
  out << checkpoint_lines << "\n[http]\nlisten = " << toml_string(listen) << "\n";
  out << "[tailers.app]\ninclude = [";
  for (const std::string& glob : include) out << toml_string(glob) << ", ";
  out << "]\nsink = \"main\"\n" << tailer_lines << "\n";
  out << "[sinks.main]\ntype = " << toml_string(sink_type) << "\n";
  if (sink_type == "kafka") out << "brokers = " << list(brokers) << "\ntopic = " << toml_string(topic) << "\n";
  if (!memory.empty()) out << "memory = " << toml_string(memory) << "\n";
  out << sink_lines << "\n" << more << "\n";
  return out.str();
}

}  // namespace tailrace::e2e
