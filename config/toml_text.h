// TomlText: strings, keys and lists spelt as TOML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tailrace {

std::string toml_string(std::string_view text);                 // quoted and escaped: "a\"b"
std::string toml_key(std::string_view key);                     // bare where it may be
std::string toml_list(const std::vector<std::string>& values);  // of values that are TOML already: [a, b]
// `${` doubled to `$${`, so that what was substituted once is not substituted again.
std::string escape_substitution(std::string_view text);

}  // namespace tailrace
