#include "config/file_secrets.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/librdkafka_properties.h"
#include "config/substitution.h"

namespace tailrace {
namespace {

bool is_table(const Node* node) { return node != nullptr && node->kind == Node::Kind::table; }

// The property that `item` became: its own name in [librdkafka], else one of those that its key sets.
bool is_property_of(const std::string& property, const Node& item) {
  if (property == item.key) return true;
  const std::string_view key = security_key_of(property);
  return !key.empty() && key.substr(key.find('.') + 1) == item.key;
}

}  // namespace

std::vector<FileSecret> find_file_secrets(std::initializer_list<const Node*> tables, const SinkConfig& sink) {
  std::vector<FileSecret> found;
  for (const Node* table : tables) {
    if (!is_table(table)) continue;
    for (const Node& item : table->children) {
      if (!item.is_secret) continue;
      for (const auto& [property, value] : sink.librdkafka) {
        if (value == item.text && is_property_of(property, item))
          found.push_back({.property = property, .written = item.written, .folder = item.folder});
      }
    }
  }
  return found;
}

Result<FileSecretValues> read_file_secrets(const SinkConfig& sink, const Environment& environment) {
  FileSecretValues values{.librdkafka = sink.librdkafka, .secrets = {}};
  for (const FileSecret& secret : sink.file_secrets) {
    Result<Substituted> now = substitute(secret.written, environment, secret.folder);
    if (!now) return std::move(now).error();
    // A file that is just being written anew is empty for a moment.
    if (now->text.empty()) return Error(ErrorKind::bad_input, fmt::format("{} is empty", secret.written));
    for (auto& [property, value] : values.librdkafka) {
      if (property == secret.property) value = now->text;
    }
    values.secrets.insert(values.secrets.end(), now->secrets.begin(), now->secrets.end());
    values.secrets.push_back(std::move(now->text));
  }
  return values;
}

}  // namespace tailrace
