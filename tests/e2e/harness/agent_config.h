// AgentConfig: the config file that a test gives to the agent.
//
// What most tests vary has a member; the rest goes in as TOML lines of the table concerned.
#pragma once

#include <string>
#include <vector>

namespace tailrace::e2e {

struct AgentConfig {
  std::string state_dir;
  std::vector<std::string> include;
  std::string fsync = "async";
  std::string engine;                  // empty: the default
  std::string listen = "127.0.0.1:0";  // empty: no server

  std::string sink_type = "kafka";
  std::string brokers;  // kafka only; commas between them
  std::string topic;
  std::string memory;  // empty: the default

  std::string agent_lines;       // of [agent]
  std::string checkpoint_lines;  // of [checkpoint]
  std::string tailer_lines;      // of [tailers.app]
  std::string sink_lines;        // of [sinks.main] and, with their headers, of tables below it
  std::string more;              // at the end: further tables

  std::string toml() const;
};

}  // namespace tailrace::e2e
