#include "agent/cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/commands/check.h"
#include "agent/commands/demo.h"
#include "agent/commands/run.h"
#include "agent/commands/status.h"
#include "agent/console.h"
#include "agent/exit_status.h"
#include "agent/versions.h"
#include "config/loader.h"
#include "config/suggest.h"

namespace tailrace {

namespace {

constexpr const char* kFooter =
    "Exit status: 0 done; 1 failed while running; 2 wrong usage; 78 the config must be edited;\n"
    "128 + n ended by a second signal n. Manual pages: tailrace(1), tailrace.toml(5).";

// What every command writes into; only one of them runs.
struct CommandLine {
  RunOptions run;
  bool watch_config = false;
  CheckOptions check;
  StatusOptions status;
  DemoOptions demo;
};

void add_config_option(CLI::App& command, std::string& config) {
  config = kDefaultConfigPath;
  command.add_option("-c,--config", config, "the config")->type_name("FILE")->capture_default_str();
}

void add_run(CLI::App& app, CommandLine& line) {
  CLI::App* run = app.add_subcommand("run", "ship in the foreground until SIGTERM or SIGINT");
  add_config_option(*run, line.run.config);
  run->add_flag("--once", line.run.once,
                "ship what the files hold now, wait until all is acknowledged and checkpointed, then end");
  run->add_flag("--dry-run", line.run.dry_run,
                "print the records to stdout from the stored checkpoints on; take no lock, store no checkpoint");
  run->add_flag("--watch-config", line.watch_config)->group("");  // known, so that it can be refused by name
}

void add_check(CLI::App& app, CommandLine& line) {
  CLI::App* check = app.add_subcommand("check", "validate the config and print the effective one, secrets as ***");
  check->alias("validate");
  add_config_option(*check, line.check.config);
  check->add_flag("--connect", line.check.connect, "also reach every broker and topic and compare limits");
  check->add_flag("--schema", line.check.schema, "print the JSON schema of the config");
}

void add_status(CLI::App& app, CommandLine& line) {
  CLI::App* status = app.add_subcommand("status", "show the tailers, files and lag of a running agent");
  add_config_option(*status, line.status.config);
  status->add_option("--url", line.status.url, "the agent's HTTP address, instead of what the config says")
      ->type_name("URL")
      ->excludes("-c");
  status->add_option("--token-file", line.status.token_file, "the bearer token that it wants, for --url")
      ->type_name("FILE")
      ->needs("--url");
  status->add_flag("--watch", line.status.watch, "again every 2 s, until interrupted");
  status->add_flag("--json", line.status.json, "print /status.json as it is");
}

void add_demo(CLI::App& app, CommandLine& line) {
  CLI::App* demo = app.add_subcommand(
      "demo", "start a broker in the process, ship a generated log (or FILEs), and check every line that arrives");
  demo->add_option("FILE", line.demo.files, "logs to ship instead")->type_name("");
}

int usage_error(const std::string& text, const std::string& command) {
  return fail(kExitUsage, fmt::format("{}; see \"tailrace {}--help\"", text, command.empty() ? "" : command + " "));
}

// One line, whatever the library's text looks like.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

int run_command(const CLI::App& app, CommandLine& line) {
  if (app.got_subcommand("check")) return run_check(line.check);
  if (app.got_subcommand("status")) return run_status(line.status);
  if (app.got_subcommand("demo")) {
    line.demo.is_terminal = isatty(STDOUT_FILENO) == 1;
    return run_demo(line.demo);
  }
  if (line.watch_config) return usage_error("run: --watch-config is not available in this version", "run");
  return run_agent(line.run);
}

// A first word that is no command; "" when there is none.
std::string unknown_command(const std::vector<std::string>& commands, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  const std::string word = argv[1];
  return std::find(commands.begin(), commands.end(), word) == commands.end() ? word : "";
}

int parse_and_run(int argc, char** argv, bool has_stdout) {
  CommandLine line;
  line.run.has_stdout = has_stdout;
  CLI::App app("tailrace ships log files to Kafka: nothing lost, the lag known.", "tailrace");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  bool wants_version = false;
  app.add_flag("-V,--version", wants_version,
               "print the versions of tailrace, librdkafka, liburing and zstd, and the I/O engines that work here");
  add_run(app, line);
  add_check(app, line);
  add_status(app, line);
  add_demo(app, line);

  const std::vector<std::string> commands = {"run", "check", "validate", "status", "demo"};
  if (const std::string word = unknown_command(commands, argc, argv); !word.empty()) {
    const Suggestion suggestion = nearest(word, commands);
    const std::string remedy = suggestion.is_near ? fmt::format("; did you mean \"{}\"?", suggestion.word)
                                                  : "; \"tailrace --help\" names the commands";
    return fail(kExitUsage, fmt::format("unknown command \"{}\"{}", word, remedy));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream help;
    if (e.get_exit_code() == 0) {
      app.exit(e, help, help);
      return print_or_fail(help.str());
    }
    const auto chosen = app.get_subcommands();
    return usage_error(one_line(e.what()), chosen.empty() ? "" : chosen.front()->get_name());
  }
  if (wants_version) return print_or_fail(version_text());
  if (app.get_subcommands().empty()) return usage_error("no command", "");
  return run_command(app, line);
}

}  // namespace

int cli_main(int argc, char** argv) {
  const bool has_stdout = hold_standard_descriptors();
  try {
    return parse_and_run(argc, argv, has_stdout);
  } catch (const std::exception& e) {
    return fail(kExitFailed, e.what());
  }
}

}  // namespace tailrace
