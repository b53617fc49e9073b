#include "tailers/glob.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tailrace {
namespace {

Glob parsed(std::string_view pattern) {
  Result<Glob> glob = Glob::parse(pattern);
  EXPECT_TRUE(glob) << pattern << ": " << (glob ? "" : glob.error().text());
  return glob ? *std::move(glob) : *Glob::parse("/never");
}

bool matches(std::string_view pattern, std::string_view path) { return parsed(pattern).matches(path); }

std::string error_of(std::string_view pattern) {
  const Result<Glob> glob = Glob::parse(pattern);
  if (glob) return "parsed";
  EXPECT_EQ(glob.error().kind(), ErrorKind::bad_input);
  return glob.error().text();
}

struct Case {
  std::string_view pattern, path;
  bool is_match;
};

TEST(Glob, MatchesAsTheContractSays) {
  const Case cases[] = {
      {"/var/log/a.log", "/var/log/a.log", true},
      {"/var/log/a.log", "/var/log/b.log", false},
      {"/var/log/*.log", "/var/log/a.log", true},
      {"/var/log/*.log", "/var/log/.hidden.log", true},
      {"/var/log/?hidden", "/var/log/.hidden", true},
      {"/var/log/*.log", "/var/log/.log", true},
      {"/var/log/*.log", "/var/log/sub/a.log", false},
      {"/var/log/*", "/var/log", false},
      {"/var/log/a?b", "/var/log/a/b", false},
      {"/l/[ab].log", "/l/a.log", true},
      {"/l/[ab].log", "/l/c.log", false},
      {"/l/[!ab].log", "/l/c.log", true},
      {"/l/[!ab].log", "/l/a.log", false},
      {"/l/[^ab].log", "/l/a.log", false},
      {"/l/[^ab].log", "/l/c.log", true},
      {"/l/x[!a]y", "/l/x/y", false},
      {"/l/[a-c0-9]", "/l/b", true},
      {"/l/[a-c0-9]", "/l/7", true},
      {"/l/[a-c0-9]", "/l/-", false},
      {"/l/[a-]", "/l/-", true},
      {"/l/[-a]", "/l/-", true},
      {"/l/[]a]", "/l/]", true},
      {"/l/[!]a]", "/l/]", false},
      {"/l/[\\]a]", "/l/]", true},
      {"/l/[\\!a]", "/l/!", true},
      {"/l/[a\\-z]", "/l/m", false},
      {"/l/[a\\-z]", "/l/-", true},
      {"/l/[*]", "/l/*", true},
      {"/l/[*]", "/l/x", false},
      {"/l/[{,}]", "/l/{", true},
      {"/l/{a,b}.log", "/l/b.log", true},
      {"/l/{a,b}.log", "/l/c.log", false},
      {"/l/{a,b{c,d}}e", "/l/bde", true},
      {"/l/{a,b{c,d}}e", "/l/be", false},
      {"/l/{,x}a", "/l/a", true},
      {"/l/{x}a", "/l/xa", true},
      {"/l/{[,],b}", "/l/,", true},
      {"/l/a,b", "/l/a,b", true},
      {"/l/\\{a,b\\}", "/l/{a,b}", true},
      {"{/l,/m/n}/*.log", "/m/n/a.log", true},
      {"/l/{a/b,c}/*.log", "/l/a/b/x.log", true},
      {"/l/\\*", "/l/*", true},
      {"/l/\\*", "/l/x", false},
      {"/l/\\*\\*", "/l/**", true},
      {"/l/\\*{*,x}", "/l/*yx", true},
      {"/l/{**,a}/b", "/l/x/y/b", true},
      {"/l/a\\\\b", "/l/a\\b", true},
      {"/l\\/x", "/l/x", true},
      {"/l/**/*.log", "/l/a.log", true},
      {"/l/**/*.log", "/l/x/y/z/a.log", true},
      {"/l/**/*.log", "/l/x/y/z/a.txt", false},
      {"/l/**/b/**/c", "/l/b/c", true},
      {"/l/**/b/**/c", "/l/1/b/2/b/3/c", true},
      {"/l/**/b/**/c", "/l/1/2/c", false},
      {"/l/**/**/c", "/l/c", true},
      {"/l/**", "/l/a", true},
      {"/l/**", "/l/x/y/a", true},
      {"/l/**", "/l", false},
      {"/**", "/a/b", true},
      {"**/debug/*.log", "/x/debug/a.log", true},
      {"**/debug/*.log", "/debug/a.log", true},
      {"**/debug/*.log", "/x/debugs/a.log", false},
      {"/l//a/./b", "/l/a/b", true},
      {"/l/*.log", "/l//a.log", true},
      {"*.log", "/a.log", false},
  };
  for (const Case& c : cases) EXPECT_EQ(matches(c.pattern, c.path), c.is_match) << c.pattern << " on " << c.path;
}

TEST(Glob, TakesNamesAsBytes) {
  EXPECT_TRUE(matches("/l/?", "/l/\xff"));
  EXPECT_FALSE(matches("/l/?", "/l/\xc3\xa4"));  // one character, two bytes
  EXPECT_TRUE(matches("/l/??", "/l/\xc3\xa4"));
  EXPECT_TRUE(matches("/l/[\x80-\xff]x", "/l/\x90x"));
  EXPECT_TRUE(matches("/l/a*b", "/l/a\n b"));
}

TEST(Glob, MatchesTheNameWhenThePatternHasNoSlash) {
  EXPECT_FALSE(parsed("*.gz").has_slash());
  EXPECT_TRUE(parsed("*.gz").matches_name("a.gz"));
  EXPECT_FALSE(parsed("*.gz").matches_name("a.gzip"));
  EXPECT_TRUE(parsed("{*.gz,core.*}").matches_name("core.1"));
  EXPECT_TRUE(parsed("**").matches_name("anything"));
  EXPECT_TRUE(parsed("/l/*.gz").has_slash());
}

TEST(Glob, SaysWhereAWalkBegins) {
  using Prefixes = std::vector<std::string>;
  EXPECT_EQ(parsed("/var/log/app/**/*.log").fixed_prefixes(), Prefixes{"/var/log/app"});
  EXPECT_EQ(parsed("/var/log/a.log").fixed_prefixes(), Prefixes{"/var/log"});
  EXPECT_EQ(parsed("/*.log").fixed_prefixes(), Prefixes{"/"});
  EXPECT_EQ(parsed("/a.log").fixed_prefixes(), Prefixes{"/"});
  EXPECT_EQ(parsed("{/l,/m/n,/l}/x/*.log").fixed_prefixes(), (Prefixes{"/l/x", "/m/n/x"}));
  EXPECT_EQ(parsed("/l/\\[x\\]/*").fixed_prefixes(), Prefixes{"/l/[x]"});
  EXPECT_EQ(parsed("/l/[x]/*").fixed_prefixes(), Prefixes{"/l"});
  EXPECT_EQ(parsed("**/x").fixed_prefixes(), Prefixes{});
  EXPECT_TRUE(parsed("{/l,/m}/x").is_absolute());
  EXPECT_FALSE(parsed("**/x").is_absolute());
  EXPECT_FALSE(parsed("*.gz").is_absolute());
}

TEST(Glob, PrunesDirectoriesBelowWhichNothingCanMatch) {
  const Glob glob = parsed("/l/a*/x/*.log");
  EXPECT_TRUE(glob.may_match_below("/"));
  EXPECT_TRUE(glob.may_match_below("/l"));
  EXPECT_TRUE(glob.may_match_below("/l/ab"));
  EXPECT_TRUE(glob.may_match_below("/l/ab/x"));
  EXPECT_FALSE(glob.may_match_below("/l/ab/y"));
  EXPECT_FALSE(glob.may_match_below("/l/b"));
  EXPECT_FALSE(glob.may_match_below("/l/ab/x/z.log"));
  EXPECT_TRUE(parsed("/l/**/x").may_match_below("/l/any/where"));
  EXPECT_FALSE(parsed("/l/**/x").may_match_below("/m"));
}

TEST(Glob, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of("/l/[ab"), "\"[\" is never closed at byte 4 of \"/l/[ab\"");
  EXPECT_EQ(error_of("/l/[]"), "\"[\" is never closed at byte 4 of \"/l/[]\"");
  EXPECT_EQ(error_of("/l/[a\\]"), "\"[\" is never closed at byte 4 of \"/l/[a\\]\"");
  EXPECT_EQ(error_of("/l/[a/b]"), "\"/\" inside the brackets that begin at byte 4 of \"/l/[a/b]\"");
  EXPECT_EQ(error_of("/l/[z-a]"), "a range that runs backwards in the brackets that begin at byte 4 of \"/l/[z-a]\"");
  EXPECT_EQ(error_of("/l/{a,{b}"), "\"{\" is never closed at byte 4 of \"/l/{a,{b}\"");
  EXPECT_EQ(error_of("/l/a}b"), "\"}\" without \"{\" at byte 5 of \"/l/a}b\"");
  EXPECT_EQ(error_of("/l/a\\"), "\"\\\" with nothing behind it at byte 5 of \"/l/a\\\"");
  EXPECT_EQ(error_of(std::string_view("/l/\0", 4)).substr(0, 11), "a zero byte");
  EXPECT_EQ(error_of(""), "an empty pattern");
  EXPECT_EQ(error_of("l/*.log"), "\"l/*.log\" is no absolute path; begin it with \"/\" or \"**/\"");
  EXPECT_EQ(error_of("/l/"), "\"/l/\" ends with \"/\"; a pattern names files");
  EXPECT_EQ(error_of("/l/../x"), "\"..\" in \"/l/../x\"; write the directory's own path");
  EXPECT_EQ(error_of("/l/**.log").substr(0, 19), "\"**\" in \"**.log\" of");
  EXPECT_EQ(error_of("/l/*{,x}*"), "the braces make \"**\" out of two stars at byte 9 of \"/l/*{,x}*\"");
  EXPECT_NE(error_of("{*,/}{*,x}"), "parsed");
  EXPECT_EQ(error_of("/l/a*{*,x}"), "the braces make \"**\" out of two stars at byte 6 of \"/l/a*{*,x}\"");
  EXPECT_NE(error_of("/l/***"), "parsed");
  EXPECT_NE(error_of("/l/{a,b}**"), "parsed");
}

TEST(Glob, BoundsWhatBracesStandFor) {
  EXPECT_TRUE(Glob::parse("/{a,b,c,d,e,f,g,h,i,j}{a,b,c,d,e,f,g,h,i,j}{a,b,c,d,e,f,g,h,i,j}"));
  std::string bomb = "/x";
  for (int i = 0; i < 60; ++i) bomb += "{a,b}";
  EXPECT_NE(error_of(bomb).find("more than 1000 patterns"), std::string::npos);
  EXPECT_NE(error_of("/" + std::string(100'000, '{')).find("nested too deeply"), std::string::npos);
}

// A pattern that takes a backtracking matcher longer than the universe has lasted.
TEST(Glob, ManyStarsCostNoMoreThanTheirProduct) {
  std::string pattern = "/";
  for (int i = 0; i < 100; ++i) pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", "/" + std::string(5'000, 'a')));
  std::string deep = "/x";
  std::string path = "/x";
  for (int i = 0; i < 50; ++i) deep += "/**/a";
  for (int i = 0; i < 500; ++i) path += "/a";
  EXPECT_FALSE(matches(deep + "/b", path));
}

// The naive model: every choice tried, on whole strings.
bool model_matches(std::string_view p, std::string_view s) {
  if (p.starts_with("/**/")) {
    if (!s.starts_with('/')) return false;
    if (model_matches(p.substr(3), s)) return true;
    const std::size_t slash = s.find('/', 1);
    return slash != std::string_view::npos && model_matches(p, s.substr(slash));
  }
  if (p.empty()) return s.empty();
  if (p[0] == '*') return model_matches(p.substr(1), s) || (!s.empty() && s[0] != '/' && model_matches(p, s.substr(1)));
  if (s.empty()) return false;
  if (p[0] == '?') return s[0] != '/' && model_matches(p.substr(1), s.substr(1));
  if (p.starts_with("[!a]")) return s[0] != '/' && s[0] != 'a' && model_matches(p.substr(4), s.substr(1));
  return p[0] == s[0] && model_matches(p.substr(1), s.substr(1));
}

bool model_matches_any(const std::string& pattern, std::string_view path) {
  const std::size_t open = pattern.rfind('{');  // an innermost one
  if (open == std::string::npos) return model_matches(pattern, path);
  const std::size_t close = pattern.find('}', open);
  for (std::size_t at = open + 1; at <= close;) {
    const std::size_t end = std::min(pattern.find(',', at), close);
    if (model_matches_any(pattern.substr(0, open) + pattern.substr(at, end - at) + pattern.substr(close + 1), path))
      return true;
    at = end + 1;
  }
  return false;
}

TEST(Glob, AgreesWithANaiveModelOnRandomPatternsAndPaths) {
  std::mt19937 random(20240611);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::string_view elements[] = {"a", "b", "a", "b", "*", "?", "[!a]", "{a,b*}", "{,b{a,?}}"};
  int hits = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string pattern;
    for (std::size_t component = 0, n = 1 + pick(4); component < n; ++component) {
      if (component + 1 < n && pick(3) == 0) {
        pattern += "/**";
        continue;
      }
      pattern += "/b";  // never empty: the model knows no "//"
      pattern.back() = "ab*?"[pick(4)];
      for (std::size_t element = pick(3); element > 0; --element) {
        const std::string_view e = elements[pick(std::size(elements))];
        if (!(pattern.back() == '*' && e == "*")) pattern += e;
      }
    }
    // Two stars side by side, written or made by braces, are refused.
    const Result<Glob> glob = Glob::parse(pattern);
    if (!glob) {
      ASSERT_NE(glob.error().text().find("**"), std::string::npos) << pattern << ": " << glob.error().text();
      continue;
    }
    for (int i = 0; i < 30; ++i) {
      std::string path;
      for (std::size_t component = 1 + pick(5); component > 0; --component) {
        path += '/';
        for (std::size_t byte = 1 + pick(3); byte > 0; --byte) path += "ab"[pick(2)];
      }
      const bool expected = model_matches_any(pattern, path);
      hits += expected;
      ASSERT_EQ(glob->matches(path), expected) << pattern << " on " << path;
      if (expected) {
        for (std::size_t slash = path.rfind('/'); slash > 0; slash = path.rfind('/', slash - 1))
          ASSERT_TRUE(glob->may_match_below(path.substr(0, slash))) << pattern << " above " << path;
        ASSERT_TRUE(glob->may_match_below("/"));
      }
    }
  }
  EXPECT_GT(hits, 3'000);
}

}  // namespace
}  // namespace tailrace
