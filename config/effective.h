// Effective: what `check` prints, the settings as they will be used.
#pragma once

#include <string>

#include "config/loader.h"

namespace tailrace {

// Valid TOML: every table and key that applies, defaults filled in, ${} replaced, secrets as "***". Loads to the same
// Config again where there are no secrets. `loaded` must have no errors.
std::string effective_toml(const Loaded& loaded);

}  // namespace tailrace
