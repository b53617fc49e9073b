// TextFile: whole small files and the names in conf.d. Blocking.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace tailrace {

// All of `path`, at most 16 MiB; also a pipe's. The error's text is strerror's.
Result<std::string> read_text_file(const std::string& path);

// The names in `directory` that end in .toml and do not begin with a dot, sorted by bytes. not_found: no such
// directory.
Result<std::vector<std::string>> list_toml_files(const std::string& directory);

}  // namespace tailrace
