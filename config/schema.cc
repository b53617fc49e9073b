// The JSON schema, out of the table of keys.
#include <nlohmann/json.hpp>

#include "config/keys.h"
#include "config/manual.h"

namespace tailrace {
namespace {

using Json = nlohmann::ordered_json;

// Where ${} may stand in for a number or a boolean.
Json or_substituted(Json schema) {
  return {{"anyOf", {std::move(schema), {{"type", "string"}, {"pattern", R"(\$\{)"}}}}};
}

Json choices_of(const KeySpec& key) {
  Json values = Json::array();
  for (const std::string& word : words(key.available.empty() ? key.choices : key.available)) values.push_back(word);
  return {{"enum", std::move(values)}};
}

Json type_of(const KeySpec& key) {
  const Json text = {{"type", "string"}};
  switch (key.type) {
    case KeyType::boolean:
      return or_substituted({{"type", "boolean"}});
    case KeyType::integer: {
      Json number = {{"type", "integer"}, {"minimum", key.least}};
      if (key.most != std::numeric_limits<std::int64_t>::max()) number["maximum"] = key.most;
      return or_substituted(std::move(number));
    }
    case KeyType::size:
      return {{"anyOf",
               {{{"type", "integer"}, {"minimum", key.least}},
                {{"type", "string"}, {"pattern", R"(^[0-9]+([KMGT]i?B|B)?$|\$\{)"}}}}};
    case KeyType::duration:
      return {{"anyOf", {{{"const", 0}}, {{"type", "string"}, {"pattern", R"(^(0|[0-9]+(ms|s|m|h|d))$|\$\{)"}}}}};
    case KeyType::text:
      return text;
    case KeyType::choice:
      return or_substituted(choices_of(key));
    case KeyType::texts: {
      Json list = {{"type", "array"}, {"items", text}};
      if (key.not_empty) list["minItems"] = 1;
      return list;
    }
    case KeyType::text_map:
      return {{"type", "object"}, {"additionalProperties", text}};
    case KeyType::properties:
      return {{"type", "object"}, {"additionalProperties", {{"type", {"string", "integer", "boolean"}}}}};
  }
  return {};
}

Json schema_of(const KeySpec& key) {
  // The defaults of the table are JSON as well as TOML.
  Json schema = key.later.empty() ? type_of(key) : Json{{"const", Json::parse(key.fallback)}};
  schema["description"] =
      key.later.empty() ? std::string(key.sentence) : fmt::format("{} Not available in this version.", key.sentence);
  if (!key.fallback.empty()) schema["default"] = Json::parse(key.fallback);
  return schema;
}

Json table_of(KeyTable table) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const KeySpec* key : keys_of(table)) {
    if (!key->later.empty() && key->fallback.empty()) continue;  // has no value that would be taken
    properties[std::string(key->name)] = schema_of(*key);
    if (key->required) required.push_back(key->name);
  }
  if (table == KeyTable::sink) {
    properties["tls"] = table_of(KeyTable::tls);
    properties["sasl"] = table_of(KeyTable::sasl);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

Json named(KeyTable table) {
  return {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", table_of(table)}};
}

}  // namespace

std::string schema_json() {
  const Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "tailrace.toml"},
                       {"description", "Configuration of tailrace, an asynchronous log shipping agent."},
                       {"type", "object"},
                       {"additionalProperties", false},
                       {"properties",
                        {{"agent", table_of(KeyTable::agent)},
                         {"checkpoint", table_of(KeyTable::checkpoint)},
                         {"http", table_of(KeyTable::http)},
                         {"tailers", named(KeyTable::tailer)},
                         {"sinks", named(KeyTable::sink)}}}};
  return schema.dump(2) + "\n";
}

}  // namespace tailrace
