// The page tailrace.toml(5), out of the table of keys.
#include "config/manual.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <string_view>

#include "config/keys.h"
#include "config/units.h"

namespace tailrace {
namespace {

// What roff would take for its own: backslashes, a leading dot or quote; and - is a minus only as \-.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view type_name(KeyType type) {
  switch (type) {
    case KeyType::boolean:
      return "boolean";
    case KeyType::integer:
      return "integer";
    case KeyType::size:
      return "size";
    case KeyType::duration:
      return "duration";
    case KeyType::text:
      return "string";
    case KeyType::choice:
      return "one of";
    case KeyType::texts:
      return "list of strings";
    case KeyType::text_map:
      return "table of strings";
    case KeyType::properties:
      return "table";
  }
  return "";
}

std::string bound(KeyType type, std::int64_t number) {
  if (type == KeyType::size) return format_size(static_cast<Bytes>(number));
  if (type == KeyType::duration) return format_duration(Milliseconds(number));
  return std::to_string(number);
}

// "one of zstd, lz4, none; default "zstd"; type = "kafka" only".
std::string facts(const KeySpec& key) {
  std::string out(type_name(key.type));
  if (key.type == KeyType::choice)
    out += fmt::format(" {}", fmt::join(words(key.available.empty() ? key.choices : key.available), ", "));
  const bool has_most = key.most != std::numeric_limits<std::int64_t>::max();
  if (has_most) {
    out += fmt::format(", {} to {}", bound(key.type, key.least), bound(key.type, key.most));
  } else if (key.least > 0) {
    out += fmt::format(", at least {}", bound(key.type, key.least));
  }
  if (!key.fallback.empty()) out += fmt::format("; default {}", key.fallback);
  if (key.required) out += "; must be given";
  if (key.table == KeyTable::sink && key.sinks.find("kafka") != std::string_view::npos) out += "; kafka sinks only";
  return out;
}

void add_table(std::string& page, KeyTable table, std::string_view intro) {
  page += fmt::format(".SS \"{}\"\n{}\n", roff(header_of(table)), roff(intro));
  for (const KeySpec* key : keys_of(table)) {
    if (!key->later.empty()) continue;
    page += fmt::format(".TP\n.B {}\n{}\n.br\n{}\n", roff(key->name), roff(key->sentence), roff(facts(*key)));
  }
}

// A table's later keys, and its choices' later values, in one sentence.
std::string later_of(KeyTable table) {
  std::vector<std::string> names;
  for (const KeySpec* key : keys_of(table)) {
    if (!key->later.empty()) names.emplace_back(key->name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

constexpr std::string_view kHead = R"(.\" Made from the table of keys in config/; do not edit.
.TH TAILRACE.TOML 5 "" "tailrace" "File formats"
.SH NAME
tailrace.toml \- configuration of the log shipping agent tailrace
.SH SYNOPSIS
.I /etc/tailrace/tailrace.toml
.br
.I /etc/tailrace/conf.d/*.toml
.SH DESCRIPTION
The file is TOML. It needs at least one
.B [tailers.NAME]
and one
.BR [sinks.NAME] .
The files of the directory conf.d beside it are merged in the order of their names: tables merge, and a key that is set
twice is an error. Unknown keys are errors that name the nearest known one.
.B tailrace check
reports all errors at once, with file, line and column, and prints the effective configuration.
.SS Values
A size is a number of bytes, or a string of one whole number and one unit: "64KiB", "1MiB" (powers of 1024), "1MB"
(powers of 1000). A duration is a string of one whole number and one unit, ms, s, m, h or d: "250ms", "24h"; or "0".
.SS Substitution
Inside string values, after parsing:
.TP
.B ${NAME}
the environment variable NAME. When it is not set that is an error; HOSTNAME is then the host's name.
.TP
.B ${NAME:\-default}
the same, or the default when NAME is not set or empty.
.TP
.B ${file:PATH}
the content of a file without its last line end; a relative PATH begins in the directory of the configuration file.
The value counts as a secret. While a broker refuses the password or certificate that came from it, the file is read
again every 5 s and what is new is used.
.TP
.B $${
a literal ${.
.PP
A number or boolean key takes a string that came from a substitution. Secrets (keys whose names hold password, passphrase,
secret or token, sasl.oauthbearer.config, private keys, and every value from ${file:}) are printed as ***; paths of files
are shown.
.SH TABLES
)";

constexpr std::string_view kFoot = R"(.SH FILES
.TP
.I /etc/tailrace/tailrace.toml
the default configuration file.
.SH EXIT STATUS
.B tailrace
exits with 78 when only editing the configuration can mend what is wrong.
.SH SEE ALSO
.BR tailrace (1)
)";

}  // namespace

std::string man_toml_5() {
  struct Section {
    KeyTable table;
    std::string_view intro;
  };
  static constexpr std::array kSections = {
      Section{KeyTable::agent, "The agent itself."},
      Section{KeyTable::checkpoint, "How far each file was shipped is kept in state_dir."},
      Section{KeyTable::http, "Metrics, health and status."},
      Section{KeyTable::tailer, "Which files are shipped. Any number of tailers; offsets belong to the tailer's name."},
      Section{KeyTable::sink, "Where lines go. Any number of sinks."},
      Section{KeyTable::tls, "Its presence turns TLS on."},
      Section{KeyTable::sasl, "Its presence turns SASL on."},
  };
  std::string page(kHead);
  for (const Section& section : kSections) add_table(page, section.table, section.intro);
  page += ".SH NOT YET AVAILABLE\nThese keys are known; in this version they may have their default only.\n";
  for (const Section& section : kSections) {
    const std::string names = later_of(section.table);
    if (!names.empty()) page += fmt::format(".TP\n.B \"{}\"\n{}\n", roff(header_of(section.table)), roff(names));
  }
  page += kFoot;
  return page;
}

}  // namespace tailrace
