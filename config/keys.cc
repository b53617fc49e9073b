#include "config/keys.h"

#include <algorithm>
#include <array>

namespace tailrace {

const std::vector<KeySpec>& all_keys() {
  static const std::vector<KeySpec> keys = [] {
    std::vector<KeySpec> all;
    for (const std::span<const KeySpec> part : {agent_keys(), tailer_keys(), sink_keys(), security_keys()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return keys;
}

std::vector<const KeySpec*> keys_of(KeyTable table) {
  std::vector<const KeySpec*> found;
  for (const KeySpec& key : all_keys()) {
    if (key.table == table) found.push_back(&key);
  }
  return found;
}

const KeySpec* find_key(KeyTable table, std::string_view name) {
  for (const KeySpec& key : all_keys()) {
    if (key.table == table && key.name == name) return &key;
  }
  return nullptr;
}

std::string_view header_of(KeyTable table) {
  switch (table) {
    case KeyTable::agent:
      return "[agent]";
    case KeyTable::checkpoint:
      return "[checkpoint]";
    case KeyTable::http:
      return "[http]";
    case KeyTable::tailer:
      return "[tailers.NAME]";
    case KeyTable::sink:
      return "[sinks.NAME]";
    case KeyTable::tls:
      return "[sinks.NAME.tls]";
    case KeyTable::sasl:
      return "[sinks.NAME.sasl]";
  }
  return "";
}

std::vector<std::string> words(std::string_view separated_by_spaces) {
  std::vector<std::string> out;
  for (std::string_view rest = separated_by_spaces; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0) out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

bool is_for_sink(const KeySpec& key, std::string_view sink_type) {
  const std::vector<std::string> types = words(key.sinks);
  return types.empty() || std::find(types.begin(), types.end(), sink_type) != types.end();
}

bool is_secret_name(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (lower.ends_with("_file") || lower.ends_with("keytab") || lower == "ca" || lower == "cert") return false;
  constexpr std::array<std::string_view, 4> kWords = {"password", "passphrase", "secret", "token"};
  return lower == "sasl.oauthbearer.config" || std::any_of(kWords.begin(), kWords.end(), [&lower](auto word) {
           return lower.find(word) != std::string::npos;
         });
}

bool is_private_key(std::string_view text) { return text.find("PRIVATE KEY-----") != std::string_view::npos; }

}  // namespace tailrace
