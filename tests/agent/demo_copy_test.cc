#include "agent/commands/demo_copy.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace tailrace {
namespace {

constexpr std::uint64_t kMaxLine = 16;

DemoComparison compare(std::string_view file, std::initializer_list<std::string_view> records) {
  DemoComparison comparison(kMaxLine);
  comparison.expect(file);
  for (const std::string_view record : records) comparison.arrived(record, true);
  return comparison;
}

bool is_same(std::string_view file, std::initializer_list<std::string_view> records) {
  const DemoComparison comparison = compare(file, records);
  return !comparison.differs() && comparison.matched_bytes() == file.size();
}

TEST(DemoComparison, LinesAndTheirEndsAreTheFile) {
  EXPECT_TRUE(is_same("one\ntwo\n\nfour\n", {"one", "two", "", "four"}));
  EXPECT_TRUE(is_same("one\r\ntwo\n", {"one", "two"}));
  EXPECT_TRUE(is_same("one\nunfinished", {"one", "unfinished"}));
}

TEST(DemoComparison, ALongLineMayComeInPieces) {
  EXPECT_TRUE(is_same("0123456789abcdefXYZ\nnext\n", {"0123456789abcdef", "XYZ", "next"}));
  EXPECT_TRUE(is_same("0123456789abcdef\nnext\n", {"0123456789abcdef", "next"}));
}

TEST(DemoComparison, AMissingLineDiffers) {
  EXPECT_TRUE(compare("one\ntwo\nthree\n", {"one", "three"}).differs());
  EXPECT_FALSE(is_same("one\ntwo\n", {"one"}));
}

TEST(DemoComparison, ADoubledOrLateLineDiffers) {
  EXPECT_TRUE(compare("one\ntwo\n", {"one", "one", "two"}).differs());
  EXPECT_TRUE(compare("one\ntwo\n", {"two", "one"}).differs());
}

TEST(DemoComparison, ALineThatIsCutShortOrRunsOnDiffers) {
  EXPECT_TRUE(compare("one\ntwo\n", {"on"}).differs());
  EXPECT_TRUE(compare("one\ntwo\n", {"one\ntwo", "three"}).differs());
  EXPECT_TRUE(compare("one\ntwo\n", {"one", "two", "more"}).differs());
  EXPECT_TRUE(compare("one\ntwo\n", {"one", "two", ""}).differs());
}

TEST(DemoComparison, ItSaysWhere) {
  const DemoComparison comparison = compare("one\ntwo\n", {"one", "twX"});
  EXPECT_TRUE(comparison.differs());
  EXPECT_EQ(comparison.matched_bytes(), 6u);
}

}  // namespace
}  // namespace tailrace
