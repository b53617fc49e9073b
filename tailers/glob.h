// Glob: the include and exclude patterns of a tailer (contract, section 2).
//
// `*` and `?` match a leading dot and never `/`; `[ab]`, `[!ab]` (`[^ab]` is the same), `[a-z]`, `{a,b}` (may nest),
// `\x` is x itself; `**` as a whole component is zero or more directories, as the last one all that lies below.
// Bytes, not characters: file names may be any bytes. Matching never takes longer than pattern times path, whatever
// the stars. Immutable after parse; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tailrace {

// Braces may stand for so many patterns at most.
inline constexpr std::size_t kGlobAlternativesMax = 1000;

class Glob {
 public:
  // bad_input with a text that says what is wrong where (an unclosed bracket, `**` beside other characters, ...).
  // A pattern with "/" begins with "/" or "**/"; "//" and "/./" are "/"; ".." is refused, and so is a "/" at the end.
  static Result<Glob> parse(std::string_view pattern);

  bool matches(std::string_view path) const;       // the whole absolute path; false for a pattern without "/"
  bool matches_name(std::string_view name) const;  // for exclude patterns without "/": the last component
  // Whether some path below `directory` could match: prunes the walk.
  bool may_match_below(std::string_view directory) const;
  // The longest literal directory prefix: where a walk begins ("/var/log/app" of "/var/log/app/**/*.log"), escapes
  // undone. Sorted, each once. A pattern that does not begin with "/" has none.
  const std::vector<std::string>& fixed_prefixes() const { return fixed_prefixes_; }  // one a brace alternative
  bool has_slash() const { return has_slash_; }
  bool is_absolute() const { return is_absolute_; }  // every brace alternative begins with "/"
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool has_slash_ = false;
  bool is_absolute_ = false;
  std::vector<std::vector<std::string>> alternatives_;  // braces expanded, split at "/"
  std::vector<std::string> fixed_prefixes_;
};

}  // namespace tailrace
