// Substitution: ${NAME}, ${NAME:-default} and ${file:PATH} inside string values; $${ is a literal ${.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/document.h"
#include "config/loader.h"

namespace tailrace {

struct Substituted {
  std::string text;
  bool any = false;                  // something was put in
  bool secret = false;               // something of it came from a file
  std::vector<std::string> secrets;  // those parts
};

// `folder`: where relative PATHs begin, the config file's own. not_found: an undefined variable; io: an unreadable
// file; bad_input: a ${ without its }, no variable's name.
Result<Substituted> substitute(std::string_view text, const Environment& environment, const std::string& folder);

// Every string below `node`. A string with an error keeps its text and is marked as failed.
void substitute_all(Node& node, const Environment& environment, const std::string& folder, Problems& problems);

}  // namespace tailrace
