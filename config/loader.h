// Loader: the user's TOML to Config, with every error at its line and column, all of them at once.
//
//   Loaded loaded = load_config(path, Environment::of_process());
//   for (const ConfigError& e : loaded.errors) std::cerr << to_string(e) << '\n';       // then exit 78
//   for (const ConfigError& e : loaded.warnings) std::cerr << to_string(e) << '\n';     // and go on
//   if (loaded) std::cout << effective_toml(loaded);                                     // config/effective.h
//
// Reads FILE, then conf.d/*.toml beside it in name order, substitutes ${NAME}, ${NAME:-default} and ${file:PATH} inside
// string values, checks each key against the one table (config/keys.h), then what only the whole can tell (references,
// memory against max_line). Blocks on the disk; no other side effects, no state: any thread, as often as wanted.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/secrets.h"
#include "config/config.h"

namespace tailrace {

inline constexpr const char* kDefaultConfigPath = "/etc/tailrace/tailrace.toml";

// What the config may ask of the world around it.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::string host_name;  // stands in for an undefined HOSTNAME

  static Environment of_process();
};

// One thing that is wrong (or, as a warning, doubtful), where, and what to do. Holds no secret.
struct ConfigError {
  std::string file;
  int line = 1;    // from 1; without a place of their own, errors name the nearest table header or 1:1
  int column = 1;  // from 1, in characters
  std::string text;
  std::string remedy;
};

// "FILE:LINE:COLUMN: what is wrong; what to do", one line whatever the text holds.
std::string to_string(const ConfigError& error);

// The effective settings as they are printed: defaults filled in, secrets already replaced by ***.
struct EffectiveTable {
  std::string header;                                       // "agent", "tailers.app", "sinks.main.tls"
  std::vector<std::pair<std::string, std::string>> values;  // key and value, both TOML text
};

// Where tables, keys and items of lists stand, by dotted name ("sinks.main.tls.ca", "tailers.app.include[0]"), for what
// shows only when a value is used.
class Places {
 public:
  void add(const std::string& name, const std::string& file, int line, int column, bool is_secret);
  // Something of its value came from ${file:}.
  bool is_secret(const std::string& name) const { return secrets_.contains(name); }
  // At the key's value; else at its table's header, or the nearest one around it; else at FILE:1:1.
  ConfigError error(std::string name, std::string text, std::string remedy) const;

 private:
  std::map<std::string, ConfigError> places_;  // "": the file's beginning
  std::set<std::string> secrets_;
};

struct Loaded {
  Config config;                      // complete only when there are no errors
  std::vector<ConfigError> errors;    // FILE first, then conf.d in name order; by line and column within a file
  std::vector<ConfigError> warnings;  // likewise
  std::vector<EffectiveTable> effective;
  Places places;
  Secrets secrets;  // of ${file:}, and of keys that are secret by their name

  explicit operator bool() const { return errors.empty(); }
};

Loaded load_config(const std::string& path, const Environment& environment);

}  // namespace tailrace
