// Keys: the one table that describes each key of the config. Loader, `check`, schema and man page come out of it.
//
// A key whose feature is not built yet stands here too, with the feature that brings it (`later`): giving it its
// default is fine, anything else is refused, never silently ignored.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace tailrace {

enum class KeyTable : std::uint8_t { agent, checkpoint, http, tailer, sink, tls, sasl };
enum class KeyType : std::uint8_t {
  boolean,
  integer,
  size,      // bytes
  duration,  // milliseconds
  text,
  choice,      // one of `choices`
  texts,       // a list of strings
  text_map,    // a table of strings
  properties,  // a table of strings, integers and booleans
};

// What a key was set to, checked. Only the members of its type mean something.
struct Value {
  bool boolean = false;
  std::int64_t number = 0;  // integer, bytes, milliseconds, a choice's index
  std::string text;         // text and choice
  std::vector<std::string> texts;
  std::vector<std::pair<std::string, std::string>> pairs;

  bool operator==(const Value&) const = default;
};

// Where a key's value goes; `tailer` and `sink` are null for keys of other tables.
struct Target {
  Config* config = nullptr;
  TailerConfig* tailer = nullptr;
  SinkConfig* sink = nullptr;
};

// What is wrong with a text ("is not absolute") and what to do.
struct Fault {
  std::string text;
  std::string remedy;
};

struct KeySpec {
  KeyTable table;
  std::string_view name;
  KeyType type;
  std::string_view fallback = "";   // the default as TOML; "" when there is none
  std::string_view choices = "";    // in the order of the enumerators, separated by spaces
  std::string_view available = "";  // those of `choices` that this version has; "" means all
  std::int64_t least = 0;           // of integers, sizes and durations
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  bool required = false;           // must be given
  bool not_empty = false;          // lists: at least one item
  std::string_view sinks = "";     // the sink types that have it, separated by spaces; "" means all
  std::string_view later = "";     // the feature that brings it; "" means available now
  std::string_view sentence = "";  // the manual's; may be several
  std::optional<Fault> (*check)(std::string_view) = nullptr;  // of the text, or each of the texts
  void (*set)(const Target&, const Value&) = nullptr;         // null for later keys
};

// All keys, table by table, in the manual's order.
const std::vector<KeySpec>& all_keys();
std::vector<const KeySpec*> keys_of(KeyTable table);
const KeySpec* find_key(KeyTable table, std::string_view name);  // nullptr: unknown

// "[agent]", "[tailers.NAME]", "[sinks.NAME.tls]".
std::string_view header_of(KeyTable table);

std::vector<std::string> words(std::string_view separated_by_spaces);
bool is_for_sink(const KeySpec& key, std::string_view sink_type);
// *password*, *passphrase*, *secret*, *token* and sasl.oauthbearer.config: values of such keys are never shown. Those
// that name a file (*_file, *keytab, ca, cert) are.
bool is_secret_name(std::string_view name);
// A private key's PEM text, wherever it stands.
bool is_private_key(std::string_view text);

// The parts of the table, a file each.
std::span<const KeySpec> agent_keys();  // agent, checkpoint, http
std::span<const KeySpec> tailer_keys();
std::span<const KeySpec> sink_keys();
std::span<const KeySpec> security_keys();  // tls, sasl

}  // namespace tailrace
