// Manual: what the one table of keys says, in other notations.
#pragma once

#include <string>

namespace tailrace {

// JSON schema (draft 2020-12) of the config, for editors and `check --schema`. Ends with a newline.
std::string schema_json();

// The page tailrace.toml(5) in man(7) macros; packaging/man/tailrace.toml.5 is a copy, which a test compares.

std::string man_toml_5();

}  // namespace tailrace
