#include "config/table_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/key_value.h"
#include "config/suggest.h"
#include "config/toml_text.h"

namespace tailrace {
namespace {

// [sinks.NAME.tls] and .sasl stand inside the sink's table and are read by themselves.
bool is_subtable(KeyTable table, std::string_view name) {
  return table == KeyTable::sink && (name == "tls" || name == "sasl");
}

const KeySpec* find_elsewhere(std::string_view name) {
  for (const KeySpec& key : all_keys()) {
    if (key.name == name && key.later.empty()) return &key;
  }
  return nullptr;
}

bool belongs_here(const KeySpec& key, const TableToRead& table) {
  return table.kind != KeyTable::sink || table.sink_type.empty() || is_for_sink(key, table.sink_type);
}

class Reading {
 public:
  Reading(const TableToRead& table, const Target& to, Problems& problems, std::vector<EffectiveTable>& effective)
      : table_(table), to_(to), problems_(problems), effective_(effective) {}

  void run() {
    if (table_.node != nullptr) {
      for (const Node& child : table_.node->children) {
        if (find_key(table_.kind, child.key) == nullptr && !is_subtable(table_.kind, child.key))
          report_unknown_key(child, table_.kind, problems_);
      }
    }
    EffectiveTable printed{table_.path, {}};
    std::vector<EffectiveTable> below;
    for (const KeySpec* key : keys_of(table_.kind)) {
      const Node* node = table_.node == nullptr ? nullptr : table_.node->find(key->name);
      if (node == nullptr) {
        use_default(*key, printed);
      } else if (!belongs_here(*key, table_)) {
        problems_.error(
            node->key_place,
            fmt::format("{} belongs to type = \"{}\"", name_of(*key), fmt::join(words(key->sinks), "\" or \"")),
            fmt::format("remove it: this sink's type is \"{}\"", table_.sink_type));
      } else if (const std::optional<Value> value = read_value(*key, name_of(*key), *node, problems_)) {
        use(*key, *value, *node, printed, below);
      }
    }
    effective_.push_back(std::move(printed));
    for (EffectiveTable& each : below) effective_.push_back(std::move(each));
  }

 private:
  std::string name_of(const KeySpec& key) const { return fmt::format("{}.{}", table_.path, key.name); }

  void use_default(const KeySpec& key, EffectiveTable& printed) {
    if (key.required && table_.node != nullptr && !is_misspelt(key))
      problems_.error(table_.node->place, fmt::format("{} is missing", name_of(key)),
                      fmt::format("add {} = {}", key.name, example_of(key)));
    // The structs already hold their defaults (a test compares them with the table's).
    if (key.later.empty() && !key.fallback.empty() && belongs_here(key, table_) && key.type != KeyType::properties)
      printed.values.emplace_back(key.name, key.fallback);
  }

  // A key that was told to be unknown is meant: that this one is missing only follows from it.
  bool is_misspelt(const KeySpec& key) const {
    std::vector<std::string> names;
    for (const KeySpec* each : keys_of(table_.kind)) names.emplace_back(each->name);
    const std::vector<Node>& given = table_.node->children;
    return std::any_of(given.begin(), given.end(), [&](const Node& child) {
      if (find_key(table_.kind, child.key) != nullptr) return false;
      const Suggestion meant = nearest(child.key, names);
      return meant.is_near && meant.word == key.name;
    });
  }

  static std::string example_of(const KeySpec& key) {
    if (key.type == KeyType::texts) return R"(["/var/log/app/*.log"])";
    if (key.type == KeyType::choice) return toml_string(words(key.choices)[0]);
    return R"("...")";
  }

  void use(const KeySpec& key, const Value& value, const Node& node, EffectiveTable& printed,
           std::vector<EffectiveTable>& below) {
    if (!key.later.empty()) return;  // the default of a later key
    key.set(to_, value);
    if (key.type != KeyType::properties) {
      printed.values.emplace_back(key.name, print_value(key, value, node));
    } else if (!value.pairs.empty()) {
      below.push_back({name_of(key), {}});
      for (std::size_t i = 0; i < value.pairs.size(); ++i) {
        const auto& [name, text] = value.pairs[i];
        below.back().values.emplace_back(toml_key(name), print_text(name, text, node.children[i]));
      }
    }
  }

  const TableToRead& table_;
  const Target& to_;
  Problems& problems_;
  std::vector<EffectiveTable>& effective_;
};

}  // namespace

void read_table(const TableToRead& table, const Target& to, Problems& problems,
                std::vector<EffectiveTable>& effective) {
  Reading(table, to, problems, effective).run();
}

std::vector<std::string> top_tables() { return {"agent", "checkpoint", "http", "tailers", "sinks"}; }

void report_unknown_key(const Node& node, std::optional<KeyTable> table, Problems& problems) {
  std::vector<std::string> names = table ? std::vector<std::string>() : top_tables();
  if (table) {
    for (const KeySpec* key : keys_of(*table)) {
      if (key->later.empty()) names.emplace_back(key->name);
    }
  }
  if (table == KeyTable::sink) names.insert(names.end(), {"tls", "sasl"});
  std::string remedy = remedy_for_unknown(node.key, names, table ? "key" : "table");
  if (const KeySpec* elsewhere = find_elsewhere(node.key); elsewhere != nullptr && !nearest(node.key, names).is_near)
    remedy = fmt::format("it belongs in {}", header_of(elsewhere->table));
  problems.error(node.key_place, fmt::format("unknown key \"{}\"", node.key), std::move(remedy));
}

}  // namespace tailrace
