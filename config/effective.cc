#include "config/effective.h"

#include <algorithm>

#include "base/check.h"
#include "base/printable.h"

namespace tailrace {

std::string effective_toml(const Loaded& loaded) {
  TR_ASSERT(loaded.errors.empty(), "a config with {} errors has no effect", loaded.errors.size());
  std::string out;
  for (const EffectiveTable& table : loaded.effective) {
    std::size_t width = 0;
    for (const auto& [key, value] : table.values) width = std::max(width, key.size());
    out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", table.header);
    for (const auto& [key, value] : table.values) out += fmt::format("{:<{}} = {}\n", key, width, value);
  }
  return printable_document(out);
}

}  // namespace tailrace
