#include "tailers/glob.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"

namespace tailrace {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr int kNestingMax = 32;  // each level is a recursion of the parser
constexpr std::string_view kAnyDirectories = "**";
constexpr std::string_view kStarsMeet = "the braces make \"**\" out of two stars";

Error bad_glob(std::string text) { return Error(ErrorKind::bad_input, std::move(text)); }

// One past the "]" of the bracket expression that begins at `at`, or kNone when it is not closed. A "]" that comes
// first is a member, and so is whatever follows a backslash.
std::size_t bracket_end(std::string_view pattern, std::size_t at) {
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  for (bool is_first = true; i < pattern.size(); is_first = false) {
    if (pattern[i] == ']' && !is_first) return i + 1;
    i += pattern[i] == '\\' ? 2 : 1;
  }
  return kNone;
}

// A member of a bracket expression, its backslash undone. Moves `at` behind it.
unsigned char take_member(std::string_view pattern, std::size_t& at) {
  if (pattern[at] == '\\') ++at;
  return static_cast<unsigned char>(pattern[at++]);
}

// Calls `on_range(low, high)` for each member of the bracket expression [at, end), "]" included in the range.
template <class OnRange>
void each_range(std::string_view pattern, std::size_t at, std::size_t end, OnRange on_range) {
  const std::size_t last = end - 1;  // the closing "]"
  while (at < last) {
    const unsigned char low = take_member(pattern, at);
    unsigned char high = low;
    if (at + 1 < last && pattern[at] == '-') high = take_member(pattern, ++at);
    on_range(low, high);
  }
}

bool bracket_matches(std::string_view pattern, std::size_t at, std::size_t end, unsigned char byte) {
  ++at;
  const bool is_negated = pattern[at] == '!' || pattern[at] == '^';
  if (is_negated) ++at;
  bool is_member = false;
  each_range(pattern, at, end,
             [&](unsigned char low, unsigned char high) { is_member = is_member || (low <= byte && byte <= high); });
  return is_member != is_negated;
}

// Whether the pattern's element at `at` (no star) takes `byte`; moves `at` behind the element if so.
bool take_one(std::string_view pattern, std::size_t& at, char byte) {
  switch (pattern[at]) {
    case '?':
      ++at;
      return true;
    case '[': {
      const std::size_t end = bracket_end(pattern, at);
      if (!bracket_matches(pattern, at, end, static_cast<unsigned char>(byte))) return false;
      at = end;
      return true;
    }
    case '\\':
      if (pattern[at + 1] != byte) return false;
      at += 2;
      return true;
    default:
      if (pattern[at] != byte) return false;
      ++at;
      return true;
  }
}

// One path component. Only the last star is ever tried again: an earlier one cannot do better by taking more.
bool component_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star_p = kNone, star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star_p = ++p;
      star_n = n;
    } else if (p < pattern.size() && take_one(pattern, p, name[n])) {
      ++n;
    } else if (star_p != kNone) {
      p = star_p;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// The component of `path` that begins at or after `at`; moves `at` behind it. Empty at the end.
std::string_view take_component(std::string_view path, std::size_t& at) {
  while (at < path.size() && path[at] == '/') ++at;
  const std::size_t begin = at;
  at = std::min(path.find('/', at), path.size());
  return path.substr(begin, at - begin);
}

// The same walk as component_matches, with components for bytes and "**" for the star.
bool path_matches(const std::vector<std::string>& pattern, std::string_view path) {
  std::size_t p = 0, at = 0, star_p = kNone, star_at = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == kAnyDirectories) {
      star_p = ++p;
      star_at = at;
      continue;
    }
    std::size_t next = at;
    const std::string_view name = take_component(path, next);
    if (name.empty()) return p == pattern.size();
    if (p < pattern.size() && component_matches(pattern[p], name)) {
      ++p;
      at = next;
    } else if (star_p != kNone) {
      p = star_p;
      take_component(path, star_at);
      at = star_at;
    } else {
      return false;
    }
  }
}

bool path_may_match_below(const std::vector<std::string>& pattern, std::string_view directory) {
  std::size_t at = 0;
  for (const std::string& component : pattern) {
    if (component == kAnyDirectories) return true;
    const std::string_view name = take_component(directory, at);
    if (name.empty()) return true;
    if (!component_matches(component, name)) return false;
  }
  return false;  // a match of the whole pattern is a file: nothing lies below it
}

// Braces to alternatives. What comes out has no brace but escaped ones, no "\/", and only well-formed brackets.
class BraceExpander {
 public:
  explicit BraceExpander(std::string_view pattern) : pattern_(pattern) {}

  Result<std::vector<std::string>> expand() {
    auto all = sequence(0);
    if (all && at_ < pattern_.size()) return error("\"}\" without \"{\"", at_);
    return all;
  }

 private:
  using Texts = std::vector<std::string>;

  Error error(std::string_view what, std::size_t at) const {
    return bad_glob(fmt::format("{} at byte {} of \"{}\"", what, at + 1, pattern_));
  }

  // Up to the "," or "}" of the level above, or to the end.
  Result<Texts> sequence(int depth) {
    Texts texts(1);
    bool is_behind_braces = false;
    while (at_ < pattern_.size()) {
      const std::size_t begin = at_;
      const char c = pattern_[at_];
      if (c == '}' || (c == ',' && depth > 0)) break;
      if (c == '{') {
        auto inner = braces(depth + 1);
        if (!inner) return inner;
        if (texts.size() * inner->size() > kGlobAlternativesMax) return too_many();
        if (do_stars_meet(texts, *inner)) return error(kStarsMeet, begin);
        texts = product(texts, *inner);
        is_behind_braces = true;
        continue;
      }
      auto element = take_element();
      if (!element) return std::move(element).error();
      if (is_behind_braces && do_stars_meet(texts, {*element})) return error(kStarsMeet, begin);
      for (std::string& text : texts) text += *element;
      is_behind_braces = false;
    }
    return texts;
  }

  Result<Texts> braces(int depth) {
    const std::size_t open = at_++;
    if (depth > kNestingMax) return error("braces nested too deeply", open);
    Texts all;
    while (true) {
      auto one = sequence(depth);
      if (!one) return one;
      if (all.size() + one->size() > kGlobAlternativesMax) return too_many();
      std::move(one->begin(), one->end(), std::back_inserter(all));
      if (at_ >= pattern_.size()) return error("\"{\" is never closed", open);
      if (pattern_[at_++] == '}') return all;
    }
  }

  Error too_many() const {
    return bad_glob(fmt::format("the braces of \"{}\" stand for more than {} patterns; use several patterns", pattern_,
                                kGlobAlternativesMax));
  }

  // "*{,x}*" would hold a "**" that nobody wrote.
  static bool do_stars_meet(const Texts& left, const Texts& right) {
    const auto begins_with_star = [](const std::string& text) { return text.starts_with('*'); };
    return std::any_of(left.begin(), left.end(), ends_with_star) &&
           std::any_of(right.begin(), right.end(), begins_with_star);
  }

  static bool ends_with_star(const std::string& text) {
    if (!text.ends_with('*')) return false;
    std::size_t backslashes = 0;
    while (backslashes + 1 < text.size() && text[text.size() - 2 - backslashes] == '\\') ++backslashes;
    return backslashes % 2 == 0;
  }

  static Texts product(const Texts& left, const Texts& right) {
    Texts all;
    all.reserve(left.size() * right.size());
    for (const std::string& l : left) {
      for (const std::string& r : right) all.push_back(l + r);
    }
    return all;
  }

  // A byte, an escaped byte or a bracket expression, as it stands.
  Result<std::string> take_element() {
    const std::size_t begin = at_;
    if (pattern_[at_] == '\0') return error("a zero byte", at_);
    if (pattern_[at_] == '[') return take_bracket();
    if (pattern_[at_] != '\\') return std::string(1, pattern_[at_++]);
    if (at_ + 1 == pattern_.size()) return error("\"\\\" with nothing behind it", at_);
    at_ += 2;
    if (pattern_[begin + 1] == '/') return std::string("/");
    return std::string(pattern_.substr(begin, 2));
  }

  Result<std::string> take_bracket() {
    const std::size_t begin = at_;
    const std::size_t end = bracket_end(pattern_, begin);
    if (end == kNone || end > pattern_.size()) return error("\"[\" is never closed", begin);
    const std::string_view text = pattern_.substr(begin, end - begin);
    if (text.find('/') != kNone) return error("\"/\" inside the brackets that begin", begin);
    std::optional<Error> wrong;
    const std::size_t first = text[1] == '!' || text[1] == '^' ? 2 : 1;
    each_range(text, first, text.size(), [&](unsigned char low, unsigned char high) {
      if (low > high) wrong = error("a range that runs backwards in the brackets that begin", begin);
    });
    if (wrong) return *std::move(wrong);
    at_ = end;
    return std::string(text);
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
};

// Whether "**" stands in it unescaped and outside of brackets.
bool has_double_star(std::string_view component) {
  for (std::size_t i = 0; i < component.size();) {
    if (component[i] == '[') {
      i = bracket_end(component, i);
    } else if (component[i] == '\\') {
      i += 2;
    } else if (component[i] == '*' && i + 1 < component.size() && component[i + 1] == '*') {
      return true;
    } else {
      ++i;
    }
  }
  return false;
}

Result<std::vector<std::string>> split(std::string_view alternative, std::string_view pattern) {
  std::vector<std::string> components;
  for (std::size_t at = 0;;) {
    const std::string_view component = take_component(alternative, at);
    if (component.empty()) break;
    if (component == ".") continue;
    if (component == "..") return bad_glob(fmt::format("\"..\" in \"{}\"; write the directory's own path", pattern));
    if (component == kAnyDirectories) {
      if (components.empty() || components.back() != kAnyDirectories) components.emplace_back(component);
      continue;
    }
    if (has_double_star(component)) {
      return bad_glob(
          fmt::format("\"**\" in \"{}\" of \"{}\" has other characters beside it; it is a whole component, "
                      "as in \"**/*.log\"",
                      component, pattern));
    }
    components.emplace_back(component);
  }
  // "Zero or more directories" at the end: whatever lies in them.
  if (!components.empty() && components.back() == kAnyDirectories) components.emplace_back("*");
  return components;
}

// The text that a component stands for when it can only match one; nothing when it has a wildcard.
std::optional<std::string> literal(std::string_view component) {
  std::string text;
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '*' || component[i] == '?' || component[i] == '[') return std::nullopt;
    if (component[i] == '\\') ++i;
    text += component[i];
  }
  return text;
}

std::string fixed_prefix(const std::vector<std::string>& components) {
  std::string prefix;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    const std::optional<std::string> text = literal(components[i]);
    if (!text) break;
    prefix += '/';
    prefix += *text;
  }
  return prefix.empty() ? "/" : prefix;
}

}  // namespace

Result<Glob> Glob::parse(std::string_view pattern) {
  if (pattern.empty()) return bad_glob("an empty pattern");
  auto texts = BraceExpander(pattern).expand();
  if (!texts) return std::move(texts).error();

  Glob glob;
  glob.text_ = pattern;
  glob.has_slash_ =
      std::any_of(texts->begin(), texts->end(), [](const std::string& t) { return t.find('/') != kNone; });
  glob.is_absolute_ =
      std::all_of(texts->begin(), texts->end(), [](const std::string& t) { return t.starts_with('/'); });
  for (const std::string& text : *texts) {
    if (glob.has_slash_ && !text.starts_with('/') && !text.starts_with("**/")) {
      return bad_glob(fmt::format("\"{}\" is no absolute path; begin it with \"/\" or \"**/\"", pattern));
    }
    if (text.ends_with('/')) return bad_glob(fmt::format("\"{}\" ends with \"/\"; a pattern names files", pattern));
    auto components = split(text, pattern);
    if (!components) return std::move(components).error();
    if (components->empty() && !text.empty()) return bad_glob(fmt::format("\"{}\" names no file", pattern));
    if (text.starts_with('/')) glob.fixed_prefixes_.push_back(fixed_prefix(*components));
    glob.alternatives_.push_back(*std::move(components));
  }
  std::sort(glob.fixed_prefixes_.begin(), glob.fixed_prefixes_.end());
  const auto same = std::unique(glob.fixed_prefixes_.begin(), glob.fixed_prefixes_.end());
  glob.fixed_prefixes_.erase(same, glob.fixed_prefixes_.end());
  return glob;
}

bool Glob::matches(std::string_view path) const {
  if (!has_slash_) return false;
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const auto& pattern) { return path_matches(pattern, path); });
}

bool Glob::matches_name(std::string_view name) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const auto& pattern) { return !pattern.empty() && component_matches(pattern.back(), name); });
}

bool Glob::may_match_below(std::string_view directory) const {
  if (!has_slash_) return false;
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const auto& pattern) { return path_may_match_below(pattern, directory); });
}

}  // namespace tailrace
