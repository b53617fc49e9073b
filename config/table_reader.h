// TableReader: one table of the user's, key by key, into the structs and the effective listing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/keys.h"
#include "config/loader.h"
#include "config/problems.h"

namespace tailrace {

struct TableToRead {
  KeyTable kind = KeyTable::agent;
  std::string path;            // as it is named in errors and headers: "tailers.app"
  const Node* node = nullptr;  // nullptr: the user has none, all defaults
  std::string sink_type;       // of sinks: keys of other types are errors; "" when the type itself is wrong
};

// What is wrong goes to `problems`; the rest reaches `to` all the same. Appends to `effective`.
void read_table(const TableToRead& table, const Target& to, Problems& problems, std::vector<EffectiveTable>& effective);

// `unknown key "topics"; did you mean "topic"?`, or where the key belongs when another table has it. nullopt: it stands
// outside every table.
void report_unknown_key(const Node& node, std::optional<KeyTable> table, Problems& problems);

// The tables that a config may have at its top.
std::vector<std::string> top_tables();

}  // namespace tailrace
