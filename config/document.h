// Document: one TOML text as a tree that remembers where everything stood. The only part that knows the TOML library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"

namespace tailrace {

struct Node {
  enum class Kind : std::uint8_t { table, array, string, integer, floating, boolean, time };

  Kind kind = Kind::table;
  Place place;      // of the value; of a table: its header, or its brace
  std::string key;  // in its table; "" in an array
  Place key_place;
  std::string text;  // string
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> children;   // a table's in the order in which they were written, an array's items
  bool is_substituted = false;  // holds something that came from ${}
  bool is_secret = false;       // holds something that came from ${file:}
  std::string written;          // while is_secret: `text` before its ${} were replaced
  std::string folder;           // while is_secret: of the file in which it stands
  bool has_failed = false;      // its ${} could not be replaced: reported, and not to be looked at further

  const Node* find(std::string_view name) const;
  Node* find(std::string_view name);
};

// "a string", "a table", ...
std::string_view kind_name(Node::Kind kind);

// `text` as a table. Syntax errors and keys that are set twice go to `problems`; of the latter the first setting is
// returned. nullopt: the text is no TOML.
std::optional<Node> parse_document(std::string_view text, std::size_t file, Problems& problems);

// Moves `from`'s keys into `into`. Tables merge; a key that both set is an error that names both places.
void merge(Node& into, Node&& from, Problems& problems);

}  // namespace tailrace
