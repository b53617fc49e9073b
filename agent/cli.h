// Cli: the command line. Parses it, runs one command, returns the exit status (agent/exit_status.h).
#pragma once

namespace tailrace {

// Errors go to stderr, one line each; nothing is thrown. Call it from main, before any thread starts.
int cli_main(int argc, char** argv);

}  // namespace tailrace
