#include "agent/preflight.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "agent/token_file.h"
#include "base/file_system.h"
#include "config/toml_text.h"
#include "sinks/check_connect.h"
#include "tailers/glob.h"

namespace tailrace {

namespace {

// librdkafka names its property: the table that sets it is the nearest place.
std::string key_of(const SinkConfig& sink, const std::string& text) {
  const std::string name = "sinks." + sink.name;
  if (text.find("ssl.") != std::string::npos) return name + ".tls";
  if (text.find("sasl") != std::string::npos) return name + ".sasl";
  return name;
}

void check_patterns(const Loaded& loaded, const TailerConfig& tailer, const char* key,
                    const std::vector<std::string>& patterns, std::vector<ConfigError>& errors) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const Result<Glob> glob = Glob::parse(patterns[i]);
    if (glob) continue;
    const std::string place = fmt::format("tailers.{}.{}[{}]", tailer.name, key, i);
    const bool is_secret = loaded.places.is_secret(place);
    errors.push_back(loaded.places.error(
        place,
        fmt::format("tailers.{}.{} = {} {}", toml_key(tailer.name), key, is_secret ? "***" : toml_string(patterns[i]),
                    is_secret ? "is no pattern" : "is no pattern: " + glob.error().text()),
        "correct it"));
  }
}

}  // namespace

std::vector<ConfigError> preflight(const Loaded& loaded) {
  std::vector<ConfigError> errors;
  for (const TailerConfig& tailer : loaded.config.tailers) {
    check_patterns(loaded, tailer, "include", tailer.include, errors);
    check_patterns(loaded, tailer, "exclude", tailer.exclude, errors);
  }
  for (const SinkConfig& sink : loaded.config.sinks) {
    const Status tried = try_client(sink, loaded.config);
    if (tried) continue;
    const std::string& text = tried.error().text();
    errors.push_back(loaded.places.error(key_of(sink, text), "sinks." + toml_key(sink.name) + ": " + text,
                                         "correct the setting, or the file that it names"));
  }
  SystemFileSystem files;
  if (Result<std::string> token = read_token(files, loaded.config.http.token_file); !token) {
    errors.push_back(
        loaded.places.error("http.token_file", "http.token_file: " + token.error().text(), "make it hold one token"));
  }
  return errors;
}

}  // namespace tailrace
