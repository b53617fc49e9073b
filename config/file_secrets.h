// FileSecrets: what of a sink's librdkafka properties came from ${file:}, and how it is read again, for a password or a
// certificate that was rotated while the agent runs.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "config/document.h"
#include "config/loader.h"

namespace tailrace {

// Of the [sinks.NAME.tls], .sasl and .librdkafka `tables` (each may be null) that were read into `sink`.
std::vector<FileSecret> find_file_secrets(std::initializer_list<const Node*> tables, const SinkConfig& sink);

struct FileSecretValues {
  std::vector<std::pair<std::string, std::string>> librdkafka;  // all of the sink's
  std::vector<std::string> secrets;                             // what of it must not be shown
};

// `sink`'s librdkafka properties with what its files hold now. Blocks on the disk: for a worker. io: a file cannot be
// read, bad_input: it is empty; the text names no value.
Result<FileSecretValues> read_file_secrets(const SinkConfig& sink, const Environment& environment);

}  // namespace tailrace
