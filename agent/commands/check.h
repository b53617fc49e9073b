// `tailrace check`, also `validate`: is the config right, and what does it come to?
#pragma once

#include <string>

namespace tailrace {

struct CheckOptions {
  std::string config;
  bool connect = false;  // also reach every broker and topic
  bool schema = false;   // print the JSON schema of the config and nothing else
};

// Writes the effective config (or the schema) to stdout, errors and warnings to stderr. Returns the exit status.
// Blocks; with `connect` some seconds a sink.
int run_check(const CheckOptions& options);

}  // namespace tailrace
