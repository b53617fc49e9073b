#include "config/loader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>

#include "config/cross_checks.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/problems.h"
#include "config/sink_reader.h"
#include "config/substitution.h"
#include "config/suggest.h"
#include "config/table_reader.h"
#include "config/text_file.h"
#include "config/toml_text.h"

namespace tailrace {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return path.substr(0, slash + 1);
}

void report_unreadable(Problems& problems, std::size_t file, const Error& error, std::string remedy) {
  problems.error({file, 1, 1}, "cannot read it: " + error.text(), std::move(remedy));
}

class Loading {
 public:
  Loading(const std::string& path, const Environment& environment) : path_(path), environment_(environment) {}

  Loaded run() {
    if (read_files()) {
      read_agent_tables();
      read_sinks();
      read_tailers();
      check_whole(loaded_.config, root_, problems_);
    }
    note_places(root_, "");
    loaded_.secrets = problems_.secrets();
    loaded_.errors = problems_.errors();
    loaded_.warnings = problems_.warnings();
    return std::move(loaded_);
  }

 private:
  // False when the files could not be read or parsed: then nothing else that would be said is sure.
  bool read_files() {
    if (!add_document(path_, "make the file, or name another with -c")) return false;
    const std::string folder = folder_of(path_) + "conf.d";
    const Result<std::vector<std::string>> names = list_toml_files(folder);
    if (!names && names.error().kind() != ErrorKind::not_found)
      report_unreadable(problems_, problems_.add_file(folder), names.error(), "make it readable, or remove it");
    bool good = names || names.error().kind() == ErrorKind::not_found;
    if (names) {
      for (const std::string& name : *names) good = add_document(folder + "/" + name, "make it readable") && good;
    }
    add_default_name();
    return good;
  }

  bool add_document(const std::string& path, std::string remedy) {
    const std::size_t file = problems_.add_file(path);
    const Result<std::string> text = read_text_file(path);
    if (!text) {
      report_unreadable(problems_, file, text.error(), std::move(remedy));
      return false;
    }
    std::optional<Node> document = parse_document(*text, file, problems_);
    if (!document) return false;
    const std::string folder = folder_of(path);
    substitute_all(*document, environment_, folder.empty() ? "." : folder, problems_);
    merge(root_, std::move(*document), problems_);
    return true;
  }

  void note_places(const Node& node, const std::string& name) {
    const Place place = name.empty() ? Place{} : node.place;
    loaded_.places.add(name, problems_.file_name(place.file), place.line, place.column, node.is_secret);
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Node& child = node.children[i];
      const bool is_item = node.kind == Node::Kind::array;
      note_places(child, is_item ? fmt::format("{}[{}]", name, i) : name.empty() ? child.key : name + "." + child.key);
    }
  }

  // agent.name's default is no constant: it is given as if the user had written it.
  void add_default_name() {
    Node* agent = root_.find("agent");
    if (agent == nullptr) {
      Node table;
      table.key = "agent";
      root_.children.push_back(std::move(table));
      agent = &root_.children.back();
    }
    if (agent->kind == Node::Kind::table && agent->find("name") == nullptr)
      add_text(*agent, "name", environment_.variable("HOSTNAME").value_or(environment_.host_name));
  }

  static void add_text(Node& table, std::string key, std::string text) {
    Node node;
    node.kind = Node::Kind::string;
    node.place = node.key_place = table.place;
    node.key = std::move(key);
    node.text = std::move(text);
    table.children.push_back(std::move(node));
  }

  void read_agent_tables() {
    struct Known {
      const char* name;
      KeyTable kind;
    };
    static constexpr std::array kKnown = {Known{"agent", KeyTable::agent}, Known{"checkpoint", KeyTable::checkpoint},
                                          Known{"http", KeyTable::http}};
    for (const Known& known : kKnown) {
      const Node* node = root_.find(known.name);
      if (node != nullptr && node->kind != Node::Kind::table) {
        problems_.error(node->place, fmt::format("{} is {}", known.name, kind_name(node->kind)),
                        fmt::format("write a table [{}]", known.name));
        node = nullptr;
      }
      read_table({known.kind, known.name, node, ""}, {&loaded_.config, nullptr, nullptr}, problems_, loaded_.effective);
    }
    for (const Node& node : root_.children) report_if_unknown(node);
  }

  void report_if_unknown(const Node& node) {
    const std::vector<std::string> names = top_tables();
    if (std::find(names.begin(), names.end(), node.key) != names.end()) return;
    if (node.kind == Node::Kind::table) {
      problems_.error(node.key_place, fmt::format("unknown table \"{}\"", node.key),
                      remedy_for_unknown(node.key, names, "table"));
    } else {
      report_unknown_key(node, std::nullopt, problems_);
    }
  }

  // The tables of [GROUP.NAME], in the file's order; what is none is reported.
  std::vector<Node*> tables_of(const char* group) {
    Node* all = root_.find(group);
    std::vector<Node*> tables;
    if (all == nullptr) return tables;
    const std::string remedy = fmt::format("write [{}.NAME] with a name of your own", group);
    if (all->kind != Node::Kind::table) {
      problems_.error(all->key_place, fmt::format("{} is {}", group, kind_name(all->kind)), remedy);
      return tables;
    }
    for (Node& child : all->children) {
      const bool is_name = !child.key.empty() && std::none_of(child.key.begin(), child.key.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/';
      });
      if (child.kind != Node::Kind::table) {
        problems_.error(child.key_place, fmt::format("{}.{} is {}", group, toml_key(child.key), kind_name(child.kind)),
                        remedy);
      } else if (!is_name) {
        problems_.error(child.key_place,
                        fmt::format("{} is no name for one of [{}.NAME]", toml_string(child.key), group),
                        "give it one without slashes and control characters");
      } else {
        tables.push_back(&child);
      }
    }
    return tables;
  }

  void read_sinks() {
    for (const Node* node : tables_of("sinks")) {
      loaded_.config.sinks.push_back(read_sink("sinks." + toml_key(node->key), *node, problems_, sink_tables_));
    }
  }

  void read_tailers() {
    for (Node* node : tables_of("tailers")) {
      // The only sink needs no naming; from here on it is as if it had been.
      if (node->find("sink") == nullptr && loaded_.config.sinks.size() == 1)
        add_text(*node, "sink", loaded_.config.sinks[0].name);
      TailerConfig tailer;
      tailer.name = node->key;
      read_table({KeyTable::tailer, "tailers." + toml_key(node->key), node, ""}, {nullptr, &tailer, nullptr}, problems_,
                 loaded_.effective);
      loaded_.config.tailers.push_back(std::move(tailer));
    }
    std::move(sink_tables_.begin(), sink_tables_.end(), std::back_inserter(loaded_.effective));
  }

  const std::string& path_;
  const Environment& environment_;
  Problems problems_;
  Node root_;
  std::vector<EffectiveTable> sink_tables_;
  Loaded loaded_;
};

}  // namespace

void Places::add(const std::string& name, const std::string& file, int line, int column, bool is_secret) {
  places_[name] = {.file = file, .line = line, .column = column, .text = "", .remedy = ""};
  if (is_secret) secrets_.insert(name);
}

ConfigError Places::error(std::string name, std::string text, std::string remedy) const {
  auto found = places_.find(name);
  while (found == places_.end() && !name.empty()) {
    const std::size_t dot = name.rfind('.');
    name.resize(dot == std::string::npos ? 0 : dot);
    found = places_.find(name);
  }
  ConfigError error = found == places_.end() ? ConfigError{} : found->second;
  error.text = std::move(text);
  error.remedy = std::move(remedy);
  return error;
}

Environment Environment::of_process() {
  Environment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nothing of ours sets variables
    if (value == nullptr) return std::nullopt;
    return value;
  };
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) environment.host_name = name.data();
  return environment;
}

Loaded load_config(const std::string& path, const Environment& environment) { return Loading(path, environment).run(); }

}  // namespace tailrace
