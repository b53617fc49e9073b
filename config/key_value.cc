#include "config/key_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/suggest.h"
#include "config/toml_text.h"
#include "config/units.h"

namespace tailrace {
namespace {

constexpr std::string_view kHidden = "***";

bool is_hidden(std::string_view name, const Node& node) {
  return node.is_secret || is_secret_name(name) || is_private_key(node.text);
}

std::string_view wanted(KeyType type) {
  switch (type) {
    case KeyType::boolean:
      return "true or false, without quotes";
    case KeyType::integer:
      return "a whole number, without quotes";
    case KeyType::size:
      return R"(a size like "64KiB" or a number of bytes)";
    case KeyType::duration:
      return R"(a duration like "250ms" or "5s")";
    case KeyType::text:
    case KeyType::choice:
      return "a string in quotes";
    case KeyType::texts:
      return R"(a list of strings, like ["a", "b"])";
    case KeyType::text_map:
      return R"(a table of strings, like { name = "value" })";
    case KeyType::properties:
      return "a table of strings, numbers and booleans";
  }
  return "";
}

std::string bound_text(KeyType type, std::int64_t number) {
  if (type == KeyType::size) return format_size(static_cast<Bytes>(number));
  if (type == KeyType::duration) return format_duration(Milliseconds(number));
  return std::to_string(number);
}

// Reads one node as one row wants it; every method reports for itself.
class Reader {
 public:
  Reader(const KeySpec& key, const std::string& path, Problems& problems)
      : key_(key), path_(path), problems_(problems) {}

  std::optional<Value> read(const Node& node) {
    if (node.has_failed) return std::nullopt;
    switch (key_.type) {
      case KeyType::boolean:
        return boolean(node);
      case KeyType::integer:
      case KeyType::size:
      case KeyType::duration:
        return number(node);
      case KeyType::text:
        return text(node);
      case KeyType::choice:
        return choice(node);
      case KeyType::texts:
        return texts(node);
      case KeyType::text_map:
      case KeyType::properties:
        return pairs(node);
    }
    return std::nullopt;
  }

 private:
  std::nullopt_t wrong(const Node& node, std::string_view what, std::string remedy) {
    problems_.error(node.place, fmt::format("{} {}", path_, what), std::move(remedy));
    return std::nullopt;
  }

  std::nullopt_t wrong_type(const Node& node) {
    return wrong(node, fmt::format("is {}", kind_name(node.kind)), fmt::format("write {}", wanted(key_.type)));
  }

  std::nullopt_t wrong_text(const Node& node, std::string_view what, std::string remedy) {
    return wrong(node, fmt::format("= {} {}", shown(key_.name, node), what), std::move(remedy));
  }

  std::optional<Value> boolean(const Node& node) {
    Value value;
    value.boolean = node.boolean;
    if (node.kind == Node::Kind::boolean) return value;
    if (node.kind != Node::Kind::string || !node.is_substituted) return wrong_type(node);
    value.boolean = node.text == "true";
    if (!value.boolean && node.text != "false") return wrong_text(node, "is not true or false", "make it one of them");
    return value;
  }

  // nullopt: reported.
  std::optional<std::int64_t> count(const Node& node) {
    const bool is_text = node.kind == Node::Kind::string;
    if (key_.type == KeyType::integer && is_text) {
      if (!node.is_substituted) return wrong_type(node);
      std::int64_t number = 0;
      const char* end = node.text.data() + node.text.size();
      const auto [rest, error] = std::from_chars(node.text.data(), end, number);
      if (error != std::errc() || rest != end) return wrong_text(node, "is not a whole number", "make it one");
      return number;
    }
    if (key_.type == KeyType::duration && node.kind == Node::Kind::integer && node.integer != 0)
      return wrong(node, fmt::format("= {} has no unit", node.integer), R"(write it like "250ms", "5s" or "24h")");
    if (node.kind == Node::Kind::integer) return node.integer;
    if (!is_text) return wrong_type(node);
    if (key_.type == KeyType::size) {
      const Result<Bytes> bytes = parse_size(node.text);
      if (!bytes) return wrong_text(node, bytes.error().text(), "correct it");
      return static_cast<std::int64_t>(*bytes);
    }
    const Result<Milliseconds> duration = parse_duration(node.text);
    if (!duration) return wrong_text(node, duration.error().text(), "correct it");
    return duration->count();
  }

  std::optional<Value> number(const Node& node) {
    const std::optional<std::int64_t> number = count(node);
    if (!number) return std::nullopt;
    if (*number < key_.least || *number > key_.most) {
      const std::string least = bound_text(key_.type, key_.least);
      const std::string remedy = key_.most == std::numeric_limits<std::int64_t>::max()
                                     ? fmt::format("give at least {}", least)
                                     : fmt::format("give {} to {}", least, bound_text(key_.type, key_.most));
      const std::string given = node.kind == Node::Kind::string ? shown(key_.name, node) : std::to_string(*number);
      return wrong(node, fmt::format("= {} is out of range", given), remedy);
    }
    Value value;
    value.number = *number;
    return value;
  }

  bool passes(const Node& node) {
    if (key_.check == nullptr) return true;
    const std::optional<Fault> fault = key_.check(node.text);
    // The fault may quote a part of the value.
    if (fault) wrong_text(node, is_hidden(key_.name, node) ? "is not valid" : fault->text, fault->remedy);
    return !fault;
  }

  std::optional<Value> text(const Node& node) {
    if (node.kind != Node::Kind::string) return wrong_type(node);
    if (!passes(node)) return std::nullopt;
    Value value;
    value.text = node.text;
    return value;
  }

  std::optional<Value> choice(const Node& node) {
    if (node.kind != Node::Kind::string) return wrong_type(node);
    const std::vector<std::string> choices = words(key_.choices);
    const std::vector<std::string> available = key_.available.empty() ? choices : words(key_.available);
    const auto at = std::find(choices.begin(), choices.end(), node.text);
    if (at == choices.end()) {
      const Suggestion suggestion = nearest(node.text, available);
      std::string remedy = fmt::format("write one of {}", fmt::join(available, ", "));
      if (suggestion.is_near && !node.is_secret) remedy = fmt::format("did you mean \"{}\"?", suggestion.word);
      return wrong_text(node, "is not a known value", remedy);
    }
    if (std::find(available.begin(), available.end(), node.text) == available.end()) {
      const std::string remedy = available.size() == 1 ? fmt::format("use \"{}\"", available[0])
                                                       : fmt::format("use one of {}", fmt::join(available, ", "));
      return wrong_text(node, "is not available in this version", remedy);
    }
    Value value;
    value.number = at - choices.begin();
    value.text = node.text;
    return value;
  }

  std::optional<Value> texts(const Node& node) {
    if (node.kind != Node::Kind::array) return wrong_type(node);
    if (key_.not_empty && node.children.empty()) return wrong(node, "is empty", "give at least one");
    Value value;
    bool good = true;
    for (const Node& item : node.children) {
      if (item.has_failed) {
        good = false;
      } else if (item.kind != Node::Kind::string) {
        wrong_type_inside(item, "a string in quotes");
        good = false;
      } else {
        good = passes(item) && good;
        value.texts.push_back(item.text);
      }
    }
    return good ? std::optional(value) : std::nullopt;
  }

  std::optional<Value> pairs(const Node& node) {
    if (node.kind != Node::Kind::table) return wrong_type(node);
    Value value;
    bool good = true;
    for (const Node& item : node.children) {
      if (item.has_failed) {
        good = false;
      } else if (item.kind == Node::Kind::string) {
        value.pairs.emplace_back(item.key, item.text);
      } else if (key_.type == KeyType::properties && item.kind == Node::Kind::integer) {
        value.pairs.emplace_back(item.key, std::to_string(item.integer));
      } else if (key_.type == KeyType::properties && item.kind == Node::Kind::boolean) {
        value.pairs.emplace_back(item.key, item.boolean ? "true" : "false");
      } else {
        wrong_type_inside(item, key_.type == KeyType::properties ? "a string, a whole number or a boolean (a key with "
                                                                   "dots wants quotes)"
                                                                 : "a string in quotes");
        good = false;
      }
    }
    return good ? std::optional(value) : std::nullopt;
  }

  void wrong_type_inside(const Node& item, std::string_view write) {
    const std::string name = item.key.empty() ? path_ : path_ + "." + toml_key(item.key);
    problems_.error(item.place, fmt::format("{} {} {}", name, item.key.empty() ? "holds" : "is", kind_name(item.kind)),
                    fmt::format("write {}", write));
  }

  const KeySpec& key_;
  const std::string& path_;
  Problems& problems_;
};

}  // namespace

std::string print_text(std::string_view name, const std::string& text, const Node& node) {
  if (is_hidden(name, node) && !text.empty()) return toml_string(kHidden);
  return toml_string(escape_substitution(text));
}

std::string shown(std::string_view name, const Node& node) {
  return is_hidden(name, node) ? std::string(kHidden) : toml_string(node.text);
}

Value default_value(const KeySpec& key) {
  if (key.fallback.empty()) return {};
  Problems problems;
  const std::optional<Node> document =
      parse_document("value = " + std::string(key.fallback), problems.add_file("default"), problems);
  const std::string path(key.name);
  KeySpec without_check = key;
  without_check.check = nullptr;  // of ${HOSTNAME} only the value could be checked
  const std::optional<Value> value = Reader(without_check, path, problems).read(*document->find("value"));
  TR_ASSERT(value.has_value(), "the default of {} is not of its type: {}", key.name, key.fallback);
  return *value;
}

std::optional<Value> read_value(const KeySpec& key, const std::string& path, const Node& node, Problems& problems) {
  if (key.later.empty()) return Reader(key, path, problems).read(node);
  Problems ignored;  // of a refused key only the refusal matters
  ignored.add_file("");
  const std::optional<Value> given = Reader(key, path, ignored).read(node);
  if (node.has_failed) return std::nullopt;
  if (given && !key.fallback.empty() && *given == default_value(key)) return given;
  problems.error(node.key_place, fmt::format("{} is not available in this version", path), "remove it");
  return std::nullopt;
}

std::string print_value(const KeySpec& key, const Value& value, const Node& node) {
  switch (key.type) {
    case KeyType::boolean:
    case KeyType::integer:
    case KeyType::size:
    case KeyType::duration: {
      if (node.is_secret) return toml_string(kHidden);
      if (key.type == KeyType::boolean) return value.boolean ? "true" : "false";
      const std::string text = bound_text(key.type, value.number);
      return key.type == KeyType::integer ? text : toml_string(text);
    }
    case KeyType::text:
    case KeyType::choice:
      return print_text(key.name, value.text, node);
    case KeyType::texts: {
      std::vector<std::string> items;
      for (std::size_t i = 0; i < value.texts.size(); ++i)
        items.push_back(print_text(key.name, value.texts[i], node.children[i]));
      return toml_list(items);
    }
    case KeyType::text_map:
    case KeyType::properties: {
      std::vector<std::string> items;
      for (std::size_t i = 0; i < value.pairs.size(); ++i) {
        const auto& [name, text] = value.pairs[i];
        items.push_back(fmt::format("{} = {}", toml_key(name), print_text(name, text, node.children[i])));
      }
      return items.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(items, ", "));
    }
  }
  return "";
}

}  // namespace tailrace
