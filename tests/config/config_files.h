// ConfigFiles: a temporary directory with a config, and a made-up environment.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/loader.h"

namespace tailrace {

class ConfigFiles {
 public:
  ConfigFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tailrace_config_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory_ = pattern;
  }
  ~ConfigFiles() { std::filesystem::remove_all(directory_); }
  ConfigFiles(const ConfigFiles&) = delete;
  ConfigFiles& operator=(const ConfigFiles&) = delete;

  std::string path(const std::string& name) const { return (directory_ / name).string(); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }

  void set(const std::string& variable, const std::string& value) { variables_[variable] = value; }

  Environment environment() const {
    Environment environment;
    environment.host_name = "host-1";
    environment.variable = [variables = variables_](const std::string& name) -> std::optional<std::string> {
      const auto at = variables.find(name);
      if (at == variables.end()) return std::nullopt;
      return at->second;
    };
    return environment;
  }

  Loaded load() const { return load_config(path("t.toml"), environment()); }
  Loaded load(const std::string& text) {
    write("t.toml", text);
    return load();
  }

  // The errors as they are printed, without the directory: "t.toml:2:1: what; remedy".
  std::vector<std::string> lines(const std::vector<ConfigError>& errors) const {
    std::vector<std::string> out;
    for (const ConfigError& error : errors) {
      std::string line = to_string(error);
      const std::string prefix = directory_.string() + "/";
      for (std::size_t at = line.find(prefix); at != std::string::npos; at = line.find(prefix))
        line.erase(at, prefix.size());
      out.push_back(line);
    }
    return out;
  }
  std::vector<std::string> errors(const std::string& text) { return lines(load(text).errors); }
  std::vector<std::string> warnings(const std::string& text) { return lines(load(text).warnings); }

 private:
  std::filesystem::path directory_;
  std::map<std::string, std::string> variables_;
};

// Two good tables: five lines, so that what follows begins in line 6.
inline const std::string kGood =
    "[tailers.app]\n"
    "include = [\"/var/log/*.log\"]\n"
    "[sinks.main]\n"
    "type = \"kafka\"\n"
    "\n";

}  // namespace tailrace
