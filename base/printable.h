// Printable: outside text (file names, values, brokers' words) as text that does nothing but be read.
//
// What is escaped: C0 and C1 controls, DEL, the marks that turn the direction of writing or end a line (U+061C, U+200E,
// U+200F, U+2028 to U+202E, U+2066 to U+2069), and bytes that are no UTF-8. All other text stays as it is, backslashes
// too. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace tailrace {

// For people: "\n", "\x1b", "\xff" (a byte), "\u009b" (a character).
std::string printable(std::string_view text);

// Of a JSON or TOML document: the characters within its strings that `printable` would escape, and that JSON and TOML
// let stand, as "\u009b". Means the same afterwards. Not for bytes that are no UTF-8; line ends and tabs stay.
std::string printable_document(std::string_view document);

// Bytes that are no UTF-8 as the four characters "\xff"; the rest unchanged.
std::string valid_utf8(std::string_view text);

}  // namespace tailrace
