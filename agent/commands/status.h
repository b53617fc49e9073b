// `tailrace status`: what a running agent says of itself, as a table.
#pragma once

#include <string>

namespace tailrace {

struct StatusOptions {
  std::string config;
  std::string url;         // "": as the config says
  std::string token_file;  // of the bearer token for `url`; "": none
  bool watch = false;      // again and again, until it is interrupted
  bool json = false;       // /status.json as it is
};

// Blocks. Returns the exit status: 1 when no agent answers.
int run_status(const StatusOptions& options);

// The table of one /status.json; "" for what is none. Pure.
std::string status_table(const std::string& json);

}  // namespace tailrace
