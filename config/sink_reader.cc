#include "config/sink_reader.h"

#include <fmt/format.h>

#include "config/file_secrets.h"
#include "config/key_value.h"
#include "config/librdkafka_properties.h"
#include "config/table_reader.h"
#include "config/toml_text.h"

namespace tailrace {
namespace {

struct SinkNodes {
  const std::string& path;
  const Node& sink;
  const Node* tls = nullptr;
  const Node* sasl = nullptr;
};

// "" when the type is wrong: then nothing can be said of keys that belong to types.
std::string type_of(const Node& node) {
  const Node* type = node.find("type");
  if (type == nullptr) return "kafka";
  Problems ignored;
  ignored.add_file("");
  const std::optional<Value> value = read_value(*find_key(KeyTable::sink, "type"), "type", *type, ignored);
  return value ? value->text : "";
}

const Node* find_table(const SinkNodes& nodes, const char* name, std::string_view type, Problems& problems) {
  const Node* table = nodes.sink.find(name);
  if (table == nullptr) return nullptr;
  const std::string full = fmt::format("{}.{}", nodes.path, name);
  if (table->kind != Node::Kind::table) {
    problems.error(table->place, fmt::format("{} is {}", full, kind_name(table->kind)),
                   fmt::format("write a table [{}]", full));
    return nullptr;
  }
  if (!type.empty() && type != "kafka")
    problems.error(table->key_place, fmt::format("{} belongs to type = \"kafka\"", full),
                   fmt::format("remove it: this sink's type is \"{}\"", type));
  return table;
}

void need_feature(Place place, std::string_view feature, std::string_view what, Problems& problems) {
  if (librdkafka_has(feature)) return;
  problems.error(place, fmt::format("{} needs a librdkafka that was built with {}", what, feature),
                 "install one, or choose another");
}

void check_sasl(const SinkNodes& nodes, Problems& problems) {
  const Node* mechanism = nodes.sasl->find("mechanism");
  if (mechanism == nullptr || mechanism->kind != Node::Kind::string || problems.has_error_at(mechanism->place)) return;
  const std::string& name = mechanism->text;
  const bool wants_password = name == "PLAIN" || name.starts_with("SCRAM");
  for (const char* key : {"username", "password"}) {
    if (wants_password && nodes.sasl->find(key) == nullptr)
      problems.error(mechanism->place, fmt::format("{} needs {}.sasl.{}", name, nodes.path, key),
                     fmt::format("add {} = \"...\"", key));
  }
  if (name == "PLAIN") need_feature(mechanism->place, "sasl_plain", name, problems);
  if (name.starts_with("SCRAM")) need_feature(mechanism->place, "sasl_scram", name, problems);
  if (name == "GSSAPI") need_feature(mechanism->place, "sasl_gssapi", name, problems);
  if (name == "OAUTHBEARER" && !librdkafka_has("oidc"))
    problems.warn(mechanism->place, "this librdkafka was built without OIDC, so OAUTHBEARER cannot fetch its tokens",
                  "install one that has it");
}

void check_librdkafka_property(const SinkNodes& nodes, const Node& item, Problems& problems) {
  const std::string name = fmt::format("{}.librdkafka.{}", nodes.path, toml_key(item.key));
  if (const std::optional<RefusedProperty> refused = set_by_tailrace(item.key)) {
    const bool is_of_agent = refused->set_by.starts_with("agent.");
    problems.error(item.key_place, fmt::format("{} is set by tailrace", name),
                   refused->set_by.empty() ? "remove it"
                   : is_of_agent           ? fmt::format("use {}", refused->set_by)
                                           : fmt::format("use {}.{}", nodes.path, refused->set_by));
    return;
  }
  if (loads_code(item.key)) {
    problems.error(item.key_place, fmt::format("{} loads code that a config names", name),
                   "remove it: no such property is passed on");
    return;
  }
  const std::string_view key = security_key_of(item.key);
  const std::string_view inside = key.substr(key.find('.') + 1);
  const Node* table = key.starts_with("tls") ? nodes.tls : nodes.sasl;
  if (!key.empty() && table != nullptr && table->find(inside) != nullptr) {
    problems.error(item.key_place, fmt::format("{} is set by {}.{} too", name, nodes.path, key),
                   "remove one of the two");
    return;
  }
  if (item.key.starts_with("ssl.") && nodes.tls == nullptr)
    problems.warn(item.key_place, fmt::format("{} does nothing without TLS", name),
                  fmt::format("add [{}.tls], or remove it", nodes.path));
  if (item.key.starts_with("sasl.") && nodes.sasl == nullptr)
    problems.warn(item.key_place, fmt::format("{} does nothing without SASL", name),
                  fmt::format("add [{}.sasl], or remove it", nodes.path));
  const std::string value = item.kind == Node::Kind::string    ? item.text
                            : item.kind == Node::Kind::boolean ? (item.boolean ? "true" : "false")
                                                               : std::to_string(item.integer);
  const bool show = shown(item.key, item) != "***";
  if (const std::optional<PropertyFault> fault = check_property(item.key, value, show))
    problems.error(fault->is_unknown ? item.key_place : item.place, fmt::format("{} {}", name, fault->fault.text),
                   fault->fault.remedy);
}

void add_protocol(const SinkNodes& nodes, SinkConfig& sink) {
  if (nodes.tls == nullptr && nodes.sasl == nullptr) return;
  const char* protocol = nodes.sasl == nullptr ? "ssl" : nodes.tls == nullptr ? "sasl_plaintext" : "sasl_ssl";
  sink.librdkafka.emplace_back("security.protocol", protocol);
}

}  // namespace

SinkConfig read_sink(const std::string& path, const Node& node, Problems& problems,
                     std::vector<EffectiveTable>& effective) {
  SinkConfig sink;
  sink.name = node.key;
  const std::string type = type_of(node);
  SinkNodes nodes{path, node};
  nodes.tls = find_table(nodes, "tls", type, problems);
  nodes.sasl = find_table(nodes, "sasl", type, problems);
  add_protocol(nodes, sink);

  const Target to{nullptr, nullptr, &sink};
  std::vector<EffectiveTable> below;
  if (nodes.tls != nullptr) {
    read_table({KeyTable::tls, path + ".tls", nodes.tls, ""}, to, problems, below);
    need_feature(nodes.tls->place, "ssl", path + ".tls", problems);
  }
  if (nodes.sasl != nullptr) {
    read_table({KeyTable::sasl, path + ".sasl", nodes.sasl, ""}, to, problems, below);
    check_sasl(nodes, problems);
  }
  read_table({KeyTable::sink, path, &node, type}, to, problems, effective);
  effective.insert(effective.end(), below.begin(), below.end());

  const Node* properties = node.find("librdkafka");
  sink.file_secrets = find_file_secrets({nodes.tls, nodes.sasl, properties}, sink);
  if (properties == nullptr || properties->kind != Node::Kind::table) return sink;
  for (const Node& item : properties->children) {
    if (!item.has_failed && !problems.has_error_at(item.place)) check_librdkafka_property(nodes, item, problems);
  }
  return sink;
}

}  // namespace tailrace
