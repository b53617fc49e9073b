#include "config/document.h"

// Header-only, so that the binary needs no libtomlplusplus at run time; errors as values.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace tailrace {
namespace {

constexpr int kDuplicatesMax = 100;  // found in one file, one parse each

Place to_place(const toml::source_position& position, std::size_t file) {
  return {file, std::max(1, static_cast<int>(position.line)), std::max(1, static_cast<int>(position.column))};
}

Node convert(const toml::node& from, std::size_t file);

void convert_table(const toml::table& table, std::size_t file, Node& into) {
  for (const auto& [key, value] : table) {
    Node child = convert(value, file);
    child.key = std::string(key.str());
    child.key_place = to_place(key.source().begin, file);
    into.children.push_back(std::move(child));
  }
  // The library sorts by name; errors and listings follow the file.
  std::sort(into.children.begin(), into.children.end(), [](const Node& a, const Node& b) {
    return std::tie(a.key_place.line, a.key_place.column) < std::tie(b.key_place.line, b.key_place.column);
  });
}

Node convert(const toml::node& from, std::size_t file) {
  Node node;
  node.place = to_place(from.source().begin, file);
  switch (from.type()) {
    case toml::node_type::table:
      node.kind = Node::Kind::table;
      convert_table(*from.as_table(), file, node);
      break;
    case toml::node_type::array:
      node.kind = Node::Kind::array;
      for (const toml::node& item : *from.as_array()) node.children.push_back(convert(item, file));
      break;
    case toml::node_type::string:
      node.kind = Node::Kind::string;
      node.text = from.as_string()->get();
      break;
    case toml::node_type::integer:
      node.kind = Node::Kind::integer;
      node.integer = from.as_integer()->get();
      break;
    case toml::node_type::boolean:
      node.kind = Node::Kind::boolean;
      node.boolean = from.as_boolean()->get();
      break;
    case toml::node_type::floating_point:
      node.kind = Node::Kind::floating;
      break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
    case toml::node_type::none:
      node.kind = Node::Kind::time;
      break;
  }
  return node;
}

struct Line {
  std::size_t begin = 0, end = 0;  // without its line end
};

// Line `number`, from 1, of `text`.
Line find_line(std::string_view text, int number) {
  Line line;
  for (int i = 1; i < number; ++i) {
    const std::size_t next = text.find('\n', line.begin);
    if (next == std::string_view::npos) break;
    line.begin = next + 1;
  }
  line.end = std::min(text.find('\n', line.begin), text.size());
  return line;
}

// The bytes before character `column`, from 1.
std::string_view before_column(std::string_view line, int column) {
  std::size_t at = 0;
  for (int i = 1; i < column && at < line.size(); ++i) {
    ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80) ++at;
  }
  return line.substr(0, at);
}

// The last table header of `text`; "" when there is none.
std::string_view last_header(std::string_view text) {
  std::string_view header;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const std::size_t first = line.find_first_not_of(" \t");
    if (first != std::string_view::npos && line[first] == '[') header = line;
    begin = end + 1;
  }
  return header;
}

struct Duplicate {
  std::string key;
  Place first, second;
  bool is_header = false;
};

// The library says of a second setting only where it stands. The first one is found by reading what stands before it,
// and its name by reading its line alone, below the header that it belongs to.
std::optional<Duplicate> find_duplicate(std::string_view text, const toml::parse_error& error, std::size_t file) {
  const int number = static_cast<int>(error.source().begin.line);
  const Line span = find_line(text, number);
  const std::string_view line = text.substr(span.begin, span.end - span.begin);
  const std::string_view above = text.substr(0, span.begin);
  const std::size_t first = line.find_first_not_of(" \t");
  const bool is_header = first != std::string_view::npos && line[first] == '[';
  std::string alone(line);
  if (!is_header) {
    alone = std::string(last_header(above)) + "\n" +
            std::string(before_column(line, static_cast<int>(error.source().begin.column))) + "0";
  }
  const toml::parse_result earlier = toml::parse(above);
  const toml::parse_result second = toml::parse(alone);
  if (!earlier || !second) return std::nullopt;

  Duplicate found{{}, {}, {file, number, static_cast<int>(first) + 1}, is_header};
  const toml::node* known = &earlier.table();
  const toml::node* named = &second.table();
  while (const toml::table* inside = named->as_table()) {
    if (inside->empty() || !known->is_table()) break;
    const std::string key(inside->begin()->first.str());
    const auto at = known->as_table()->find(key);
    if (at == known->as_table()->end()) return std::nullopt;
    found.key = key;
    found.first = to_place(at->second.is_table() ? at->second.source().begin : at->first.source().begin, file);
    known = &at->second;
    named = inside->get(key);
  }
  return found;
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  for (const Node& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

Node* Node::find(std::string_view name) { return const_cast<Node*>(std::as_const(*this).find(name)); }

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::table:
      return "a table";
    case Node::Kind::array:
      return "a list";
    case Node::Kind::string:
      return "a string";
    case Node::Kind::integer:
      return "an integer";
    case Node::Kind::floating:
      return "a number with a fraction";
    case Node::Kind::boolean:
      return "a boolean";
    case Node::Kind::time:
      return "a date or time";
  }
  return "";
}

std::optional<Node> parse_document(std::string_view text, std::size_t file, Problems& problems) {
  std::string remaining(text);
  for (int i = 0; i < kDuplicatesMax; ++i) {
    const toml::parse_result parsed = toml::parse(std::string_view(remaining));
    if (parsed) return convert(parsed.table(), file);

    const toml::parse_error& error = parsed.error();
    const std::string description(error.description());
    std::optional<Duplicate> twice;
    if (description.find("cannot redefine") != std::string::npos) twice = find_duplicate(remaining, error, file);
    if (!twice) {
      // Past a blanked line an error may be our own doing (its value went on below): say only what is sure.
      if (i == 0) problems.error(to_place(error.source().begin, file), "not valid TOML: " + description, "correct it");
      break;
    }
    problems.error(twice->second,
                   fmt::format("{} \"{}\" is set twice, first at {}", twice->is_header ? "table" : "key", twice->key,
                               problems.place_name(twice->first)),
                   twice->is_header ? "join the two" : "remove one of the two");
    if (twice->is_header) break;  // without its header its keys would fall into another table
    const Line line = find_line(remaining, twice->second.line);
    std::fill(remaining.begin() + static_cast<std::ptrdiff_t>(line.begin),
              remaining.begin() + static_cast<std::ptrdiff_t>(line.end), ' ');
  }
  return std::nullopt;
}

void merge(Node& into, Node&& from, Problems& problems) {
  for (Node& child : from.children) {
    Node* known = into.find(child.key);
    if (known == nullptr) {
      into.children.push_back(std::move(child));
    } else if (known->kind == Node::Kind::table && child.kind == Node::Kind::table) {
      merge(*known, std::move(child), problems);
    } else {
      problems.error(
          child.key_place,
          fmt::format("key \"{}\" is set twice, first at {}", child.key, problems.place_name(known->key_place)),
          "remove one of the two");
    }
  }
}

}  // namespace tailrace
