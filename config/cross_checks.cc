#include "config/cross_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/key_value.h"
#include "config/librdkafka_properties.h"
#include "config/suggest.h"
#include "config/table_reader.h"
#include "config/template.h"
#include "config/toml_text.h"
#include "config/units.h"

namespace tailrace {
namespace {

constexpr Bytes kMiB = 1024 * 1024;

class Checks {
 public:
  Checks(const Config& config, const Node& root, Problems& problems)
      : config_(config), root_(root), problems_(problems) {}

  void run() {
    if (config_.tailers.empty() && !holds_any("tailers") && !has_unknown_table())
      problems_.error(root_.place, "there are no tailers", "add [tailers.app] with include = [\"/var/log/app/*.log\"]");
    if (config_.sinks.empty() && !holds_any("sinks") && !has_unknown_table())
      problems_.error(root_.place, "there are no sinks", "add [sinks.main] with brokers = [\"localhost:9092\"]");
    for (const TailerConfig& tailer : config_.tailers) check_reference(tailer);
    for (const SinkConfig& sink : config_.sinks) check_sink(sink);
  }

 private:
  bool holds_any(std::string_view table) const {
    const Node* node = root_.find(table);
    return node != nullptr && !node->children.empty();
  }

  // [sink.main] is told as such: that there are no sinks only follows from it.
  bool has_unknown_table() const {
    const std::vector<std::string> known = top_tables();
    return std::any_of(root_.children.begin(), root_.children.end(), [&known](const Node& table) {
      return std::find(known.begin(), known.end(), table.key) == known.end();
    });
  }

  const Node& table_of(std::string_view group, std::string_view name) const { return *root_.find(group)->find(name); }

  // Where the key's value stands; without it, the table.
  static Place place_of(const Node& table, std::string_view key) {
    const Node* node = table.find(key);
    return node == nullptr ? table.place : node->place;
  }

  bool is_sound(const Node& table, std::string_view key) const {
    const Node* node = table.find(key);
    return node == nullptr || (!node->has_failed && !problems_.has_error_at(node->place));
  }

  // `text` is what a key was set to, or a part of it.
  static std::string shown_part(const Node& table, std::string_view key, std::string text) {
    const Node* node = table.find(key);
    return node != nullptr && node->is_secret ? "***" : std::move(text);
  }

  static std::string path_of(std::string_view group, std::string_view name) {
    return fmt::format("{}.{}", group, toml_key(name));
  }

  void check_reference(const TailerConfig& tailer) {
    const Node& node = table_of("tailers", tailer.name);
    const std::string path = path_of("tailers", tailer.name);
    if (config_.sinks.empty()) return;
    const bool had_lost_tailer = std::exchange(has_lost_tailer_, true);
    if (!is_sound(node, "sink")) return;
    std::vector<std::string> names;
    for (const SinkConfig& sink : config_.sinks) names.push_back(sink.name);
    if (tailer.sink.empty()) {
      problems_.error(node.place, fmt::format("{}.sink is missing, and there are {} sinks", path, names.size()),
                      fmt::format("add sink = {}, one of {}", toml_string(names[0]), fmt::join(names, ", ")));
    } else if (std::find(names.begin(), names.end(), tailer.sink) != names.end()) {
      has_lost_tailer_ = had_lost_tailer;
    } else if (root_.find("sinks")->find(tailer.sink) == nullptr) {  // else its table is wrong, and that is told
      problems_.error(place_of(node, "sink"),
                      fmt::format("{}.sink = {} names no sink", path, shown("sink", *node.find("sink"))),
                      fmt::format("did you mean \"{}\"?", nearest(tailer.sink, names).word));
    }
  }

  void check_sink(const SinkConfig& sink) {
    const Node& node = table_of("sinks", sink.name);
    bool is_used = false;
    for (const TailerConfig& tailer : config_.tailers) {
      if (tailer.sink != sink.name) continue;
      is_used = true;
      check_memory(sink, node, tailer);
      if (sink.type == SinkType::kafka) check_topic_labels(sink, node, tailer);
    }
    if (!is_used && !config_.tailers.empty() && !has_lost_tailer_)
      problems_.warn(node.place, fmt::format("no tailer uses {}", path_of("sinks", sink.name)),
                     "remove it, or name it in a tailer's sink");
    if (sink.type != SinkType::kafka) return;
    check_acks(sink, node);
    check_compression(sink, node);
  }

  void check_memory(const SinkConfig& sink, const Node& node, const TailerConfig& tailer) {
    const Node& tailer_node = table_of("tailers", tailer.name);
    const Bytes needed = 4 * tailer.max_line + kMiB;
    if (sink.memory >= needed || !is_sound(node, "memory") || !is_sound(tailer_node, "max_line")) return;
    const Place place = node.find("memory") != nullptr ? place_of(node, "memory") : place_of(tailer_node, "max_line");
    problems_.error(
        place,
        fmt::format("{}.memory = \"{}\" is less than 4 x max_line + 1 MiB of {}", path_of("sinks", sink.name),
                    shown_part(node, "memory", format_size(sink.memory)), path_of("tailers", tailer.name)),
        fmt::format("give it at least \"{}\", or lower max_line", format_size(needed)));
  }

  // A label that is not there would silently become an empty part of the topic.
  void check_topic_labels(const SinkConfig& sink, const Node& node, const TailerConfig& tailer) {
    const Node& tailer_node = table_of("tailers", tailer.name);
    if (!is_sound(node, "topic") || !is_sound(tailer_node, "labels")) return;
    const Result<Template> topic = Template::parse(sink.topic);
    if (!topic) return;
    for (const std::string& label : topic->labels()) {
      if (tailer.labels.contains(label)) continue;
      problems_.error(place_of(node, "topic"),
                      fmt::format("{}.topic names the label {}, which {} does not have", path_of("sinks", sink.name),
                                  shown_part(node, "topic", toml_string(label)), path_of("tailers", tailer.name)),
                      fmt::format("add labels = {{ {} = \"...\" }} there", shown_part(node, "topic", toml_key(label))));
    }
  }

  void check_acks(const SinkConfig& sink, const Node& node) {
    if (sink.acks == Acks::all || !is_sound(node, "acks") || !is_sound(node, "idempotence")) return;
    const std::string path = path_of("sinks", sink.name);
    const bool none = sink.acks == Acks::none;
    if (sink.idempotence) {
      problems_.error(place_of(node, "acks"),
                      fmt::format("{}.acks = \"{}\" needs idempotence = false", path,
                                  shown_part(node, "acks", none ? "none" : "leader")),
                      "add idempotence = false, or use acks = \"all\"");
      return;
    }
    problems_.warn(place_of(node, "acks"),
                   none
                       ? fmt::format("{}.acks = \"none\" loses lines whenever a broker or a connection fails", path)
                       : fmt::format("{}.acks = \"leader\" loses lines that a failing leader had not replicated", path),
                   "use acks = \"all\" where that must not be");
  }

  void check_compression(const SinkConfig& sink, const Node& node) {
    if (!is_sound(node, "compression") || !is_sound(node, "compression_level")) return;
    const std::string& codec = sink.compression;
    if (codec != "none" && !librdkafka_has(codec))
      problems_.error(place_of(node, "compression"),
                      fmt::format("this librdkafka was built without {}", shown_part(node, "compression", codec)),
                      "choose another compression");
    const int least = codec == "lz4" ? 0 : 1;
    const int most = codec == "gzip" ? 9 : codec == "zstd" || codec == "lz4" ? 12 : 1;  // 1: the default, unused
    if (sink.compression_level >= least && sink.compression_level <= most) return;
    const bool has_levels = most > 1;
    problems_.error(place_of(node, "compression_level"),
                    has_levels
                        ? fmt::format("{}.compression_level = {} is out of range for {}", path_of("sinks", sink.name),
                                      shown_part(node, "compression_level", std::to_string(sink.compression_level)),
                                      shown_part(node, "compression", codec))
                        : fmt::format("{}.compression_level: {} has no levels", path_of("sinks", sink.name),
                                      shown_part(node, "compression", codec)),
                    has_levels ? fmt::format("give {} to {}", least, most) : "remove it");
  }

  const Config& config_;
  const Node& root_;
  Problems& problems_;
  bool has_lost_tailer_ = false;  // one whose sink is not known: it may be any of them
};

}  // namespace

void check_whole(const Config& config, const Node& root, Problems& problems) { Checks(config, root, problems).run(); }

}  // namespace tailrace
