// Globs against a naive matcher that expands the braces as text and tries every way to fit the rest; and the promises
// to the walk: no directory above a match is pruned, and the walk begins above every match.
//
//   input:   PATTERN \n PATH
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tailers/glob.h"
#include "tests/fuzz/fuzz_input.h"

namespace tailrace {
namespace {

using Texts = std::vector<std::string>;

// The bytes of the element that `pattern` begins with: "\x", "[...]" or one byte.
std::size_t element_bytes(std::string_view pattern) {
  if (pattern[0] == '\\') return 2;
  if (pattern[0] != '[') return 1;
  std::size_t at = pattern[1] == '!' || pattern[1] == '^' ? 2 : 1;
  do {
    at += pattern[at] == '\\' ? 2 : 1;
  } while (pattern[at] != ']');
  return at + 1;
}

// The first pair of braces is replaced by each of its alternatives, until there is none.
void expand(const std::string& pattern, Texts& out) {
  std::vector<std::size_t> marks;  // "{", its own ",", and its "}"
  int depth = 0;
  for (std::size_t at = 0; at < pattern.size() && (depth > 0 || marks.empty());
       at += element_bytes(std::string_view(pattern).substr(at))) {
    const char c = pattern[at];
    if (c == '}') --depth;
    if ((c == '{' && depth == 0) || (c == ',' && depth == 1) || (c == '}' && depth == 0)) marks.push_back(at);
    if (c == '{') ++depth;
  }
  if (marks.empty()) return out.push_back(pattern);
  for (std::size_t i = 0; i + 1 < marks.size(); ++i) {
    const std::string one = pattern.substr(marks[i] + 1, marks[i + 1] - marks[i] - 1);
    expand(pattern.substr(0, marks.front()) + one + pattern.substr(marks.back() + 1), out);
  }
}

// At "/", escaped or not; without what is empty or ".".
Texts components_of(std::string_view pattern) {
  Texts all(1);
  while (!pattern.empty()) {
    const std::size_t bytes = element_bytes(pattern);
    const std::string_view element = pattern.substr(0, bytes);
    if (element == "/" || element == "\\/") {
      all.emplace_back();
    } else {
      all.back() += element;
    }
    pattern.remove_prefix(bytes);
  }
  std::erase_if(all, [](const std::string& component) { return component.empty() || component == "."; });
  if (!all.empty() && all.back() == "**") all.emplace_back("*");
  return all;
}

Texts names_of(std::string_view path) {
  Texts all(1);
  for (const char c : path) {
    if (c == '/') {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  std::erase_if(all, [](const std::string& name) { return name.empty(); });
  return all;
}

bool bracket_takes(std::string_view element, unsigned char byte) {
  std::string_view members = element.substr(1, element.size() - 2);
  const bool is_negated = members[0] == '!' || members[0] == '^';
  if (is_negated) members.remove_prefix(1);
  const auto take = [&members] {
    if (members[0] == '\\') members.remove_prefix(1);
    const auto member = static_cast<unsigned char>(members[0]);
    members.remove_prefix(1);
    return member;
  };
  bool is_member = false;
  while (!members.empty()) {
    const unsigned char low = take();
    unsigned char high = low;
    if (members.size() > 1 && members[0] == '-') {
      members.remove_prefix(1);
      high = take();
    }
    is_member = is_member || (byte >= low && byte <= high);
  }
  return is_member != is_negated;
}

bool takes(std::string_view element, char byte) {
  if (element == "?") return true;
  if (element.size() == 2) return element[1] == byte;
  if (element.size() > 2) return bracket_takes(element, static_cast<unsigned char>(byte));
  return element[0] == byte;
}

bool name_matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    if (name_matches(pattern.substr(1), name)) return true;
    return !name.empty() && name_matches(pattern, name.substr(1));
  }
  const std::size_t bytes = element_bytes(pattern);
  return !name.empty() && takes(pattern.substr(0, bytes), name[0]) &&
         name_matches(pattern.substr(bytes), name.substr(1));
}

bool path_matches(const Texts& pattern, std::size_t p, const Texts& names, std::size_t n) {
  if (p == pattern.size()) return n == names.size();
  if (pattern[p] == "**") {
    if (path_matches(pattern, p + 1, names, n)) return true;
    return n < names.size() && path_matches(pattern, p, names, n + 1);
  }
  return n < names.size() && name_matches(pattern[p], names[n]) && path_matches(pattern, p + 1, names, n + 1);
}

void check_walk(const Glob& glob, const Texts& names) {
  std::string above;
  bool has_begun = !glob.is_absolute();
  for (const std::string& name : names) {
    const std::string directory = above.empty() ? "/" : above;
    TR_ASSERT(glob.may_match_below(directory), "\"{}\" prunes {}", glob.text(), directory);
    const auto& begins = glob.fixed_prefixes();
    has_begun = has_begun || std::find(begins.begin(), begins.end(), directory) != begins.end();
    above += "/" + name;
  }
  TR_ASSERT(has_begun, "no walk of \"{}\" comes to {}", glob.text(), above);
}

void check(const Glob& glob, std::string_view path) {
  Texts alternatives;
  expand(glob.text(), alternatives);
  const Texts names = names_of(path);
  bool is_match = false, is_name_match = false;
  for (const std::string& alternative : alternatives) {
    const Texts components = components_of(alternative);
    is_match = is_match || path_matches(components, 0, names, 0);
    is_name_match =
        is_name_match || (!components.empty() && !names.empty() && name_matches(components.back(), names.back()));
  }
  TR_ASSERT(glob.matches(path) == (glob.has_slash() && is_match), "\"{}\" on {}", glob.text(), path);
  if (glob.matches(path)) check_walk(glob, names);
  if (glob.has_slash() || names.empty()) return;
  TR_ASSERT(glob.matches_name(names.back()) == is_name_match, "\"{}\" on the name {}", glob.text(), names.back());
}

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tailrace::FuzzInput input(data, size);
  const std::string_view pattern = input.line();
  const std::string_view path = input.rest();
  const tailrace::Result<tailrace::Glob> glob = tailrace::Glob::parse(pattern);
  // The naive matcher is exponential in the stars.
  if (!glob || std::count(pattern.begin(), pattern.end(), '*') > 6 || path.size() > 40) return 0;
  tailrace::check(*glob, path);
  return 0;
}
