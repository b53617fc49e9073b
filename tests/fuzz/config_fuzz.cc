// The config loader on any text: it ends, each error has a place within its file and is one line, no secret is shown,
// and what loads is printed by `check` as a config that loads to the same.
//
//   input:   FILE, or FILE \n### conf.d\n CONF_D      the variables NAME, EMPTY and LINES are set, ${file:secret} is
//   there
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/effective.h"
#include "config/loader.h"
#include "tests/fuzz/fuzz_input.h"

namespace tailrace {
namespace {

constexpr std::string_view kSecret = "pa55-w0rd";
constexpr std::string_view kConfD = "\n### conf.d\n";

// A directory of this process alone: the loader reads files.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tailrace_fuzz_XXXXXX").string();
    TR_ASSERT(::mkdtemp(pattern.data()) != nullptr, "no temporary directory");
    path_ = pattern;
    std::filesystem::create_directory(path_ / "conf.d");
    std::filesystem::create_directory(path_ / "printed");
    write("secret", kSecret);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary | std::ios::trunc) << text;
  }

 private:
  std::filesystem::path path_;
};

Environment environment() {
  return {.variable = [](const std::string& name) -> std::optional<std::string> {
            if (name == "NAME") return "value";
            if (name == "LINES") return "4";
            if (name == "EMPTY") return "";
            return std::nullopt;
          },
          .host_name = "host-1"};
}

void check_problem(const ConfigError& error, std::string_view text) {
  const std::string line = to_string(error);
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  TR_ASSERT(error.line >= 1 && error.line <= lines && error.column >= 1, "no such place: {}", line);
  TR_ASSERT(!error.text.empty() && !error.remedy.empty(), "says too little: {}", line);
  TR_ASSERT(line.find('\n') == std::string::npos, "more than one line: {}", line);
  TR_ASSERT(line.find(kSecret) == std::string::npos, "shows a secret: {}", line);
}

void check_promises(const Config& config) {
  TR_ASSERT(!config.tailers.empty() && !config.sinks.empty() && !config.agent.name.empty(), "nothing to do");
  for (const TailerConfig& tailer : config.tailers) {
    const auto sink = std::find_if(config.sinks.begin(), config.sinks.end(),
                                   [&](const SinkConfig& each) { return each.name == tailer.sink; });
    TR_ASSERT(sink != config.sinks.end(), "tailer {} has no sink", tailer.name);
    TR_ASSERT(sink->memory / 4 >= tailer.max_line, "sink {} cannot hold four lines", sink->name);
  }
}

void check_printed(const Folder& folder, const Loaded& loaded) {
  const std::string text = effective_toml(loaded);
  TR_ASSERT(text.find(kSecret) == std::string::npos, "shows a secret: {}", text);
  if (text.find("***") != std::string::npos) return;
  folder.write("printed/t.toml", text);
  const Loaded again = load_config(folder.path("printed/t.toml"), environment());
  TR_ASSERT(again, "what is printed does not load: {}\n{}", to_string(again.errors[0]), text);
  TR_ASSERT(again.config == loaded.config, "what is printed loads to something else:\n{}", text);
}

void check(std::string_view file, std::string_view conf_d) {
  static const Folder folder;
  folder.write("t.toml", file);
  folder.write("conf.d/more.toml", conf_d);
  const Loaded loaded = load_config(folder.path("t.toml"), environment());
  for (const auto* problems : {&loaded.errors, &loaded.warnings}) {
    for (const ConfigError& problem : *problems)
      check_problem(problem, problem.file.ends_with("more.toml") ? conf_d : file);
  }
  if (!loaded) return;
  check_promises(loaded.config);
  check_printed(folder, loaded);
}

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tailrace::kConfD;
  const std::string_view text = tailrace::FuzzInput(data, size).rest();
  // Not the secret itself, and no files but those of ours: /dev/tty would wait for a person.
  if (text.find(tailrace::kSecret) != std::string_view::npos || text.find("file:/") != std::string_view::npos) return 0;
  const std::size_t end = text.find(kConfD);
  const bool is_one = end == std::string_view::npos;
  tailrace::check(text.substr(0, end), is_one ? "" : text.substr(end + kConfD.size()));
  return 0;
}
