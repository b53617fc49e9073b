#include "agent/commands/demo_writer.h"

#include <gtest/gtest.h>

#include <string>

namespace tailrace {
namespace {

TEST(DemoLine, SaysWhichOneItIs) {
  const std::string line = demo_line("app", 3, 1234567);
  const std::optional<DemoLineName> name = parse_demo_line("app", line);
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->generation, 3u);
  EXPECT_EQ(name->sequence, 1234567u);
}

TEST(DemoLine, EveryChangedByteIsNoticed) {
  const std::string line = demo_line("app", 0, 42);
  for (std::size_t i = 0; i < line.size(); ++i) {
    std::string damaged = line;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const std::optional<DemoLineName> name = parse_demo_line("app", damaged);
    EXPECT_FALSE(name.has_value()) << damaged;
  }
}

TEST(DemoLine, CutExtendedOrOfAnotherLogIsNone) {
  const std::string line = demo_line("app", 0, 42);
  EXPECT_FALSE(parse_demo_line("app", line.substr(0, line.size() - 1)).has_value());
  EXPECT_FALSE(parse_demo_line("app", line + "x").has_value());
  EXPECT_FALSE(parse_demo_line("web", line).has_value());
  EXPECT_FALSE(parse_demo_line("app", "").has_value());
}

}  // namespace
}  // namespace tailrace
