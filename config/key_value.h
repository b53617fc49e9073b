// KeyValue: what a key was set to, checked against its row of the table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/keys.h"
#include "config/problems.h"

namespace tailrace {

// nullopt: what is wrong went to `problems`, under the name `path` ("tailers.app.max_line"). Later keys are refused
// unless they have their default's value.
std::optional<Value> read_value(const KeySpec& key, const std::string& path, const Node& node, Problems& problems);

// The row's default; a Value of nothing when it has none. ${} in it is left as it stands.
Value default_value(const KeySpec& key);

// As TOML, for people: "64MiB", "5s". Secrets as "***". `node` is what the user wrote.
std::string print_value(const KeySpec& key, const Value& value, const Node& node);

// One text of it, under its own name: "..." or "***".
std::string print_text(std::string_view name, const std::string& text, const Node& node);

// A text as it may be shown in an error: quoted, or *** when it is secret.
std::string shown(std::string_view name, const Node& node);

}  // namespace tailrace
