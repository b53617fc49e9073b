#include "config/units.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

TEST(Units, SizesAreNumbersWithAUnitOfPowersOf1000Or1024) {
  EXPECT_EQ(*parse_size("0"), 0u);
  EXPECT_EQ(*parse_size("65536"), 65536u);
  EXPECT_EQ(*parse_size("17B"), 17u);
  EXPECT_EQ(*parse_size("64KiB"), 65536u);
  EXPECT_EQ(*parse_size("1KB"), 1000u);
  EXPECT_EQ(*parse_size("1MiB"), 1048576u);
  EXPECT_EQ(*parse_size("1MB"), 1000000u);
  EXPECT_EQ(*parse_size("2GiB"), 2147483648u);
  EXPECT_EQ(*parse_size("3GB"), 3000000000u);
  EXPECT_EQ(*parse_size("1TiB"), 1099511627776u);
  EXPECT_EQ(*parse_size("1TB"), 1000000000000u);
}

TEST(Units, SizesThatAreNotExactlyOneNumberAndOneUnitAreRefused) {
  for (const char* text : {"", "KiB", "1 MiB", "1mib", "1M", "1.5MiB", "-1", "1MiB1KiB", "1MiB ", "+1", "0x10", "1kb"})
    EXPECT_FALSE(parse_size(text)) << text;
  EXPECT_EQ(parse_size("1 MiB").error().kind(), ErrorKind::bad_input);
}

TEST(Units, SizesThatDoNotFitAreRefused) {
  EXPECT_FALSE(parse_size("99999999999999999999"));
  EXPECT_FALSE(parse_size("9000000000TiB"));
  EXPECT_TRUE(parse_size("8000000TiB"));
}

// A size without a unit has the same bound as one with: what `check` prints of it must load again.
TEST(Units, BareSizesPastInt64AreRefusedToo) {
  EXPECT_EQ(*parse_size("9223372036854775807"), 9223372036854775807u);
  EXPECT_FALSE(parse_size("9223372036854775808"));
  EXPECT_FALSE(parse_size("18446744073709551615"));
}

TEST(Units, DurationsAreOneNumberAndOneUnit) {
  EXPECT_EQ(parse_duration("0")->count(), 0);
  EXPECT_EQ(parse_duration("0s")->count(), 0);
  EXPECT_EQ(parse_duration("250ms")->count(), 250);
  EXPECT_EQ(parse_duration("5s")->count(), 5000);
  EXPECT_EQ(parse_duration("5m")->count(), 300'000);
  EXPECT_EQ(parse_duration("24h")->count(), 86'400'000);
  EXPECT_EQ(parse_duration("7d")->count(), 604'800'000);
}

TEST(Units, DurationsThatAreNotExactlyOneNumberAndOneUnitAreRefused) {
  for (const char* text : {"", "5", "s", "1m30s", "5 s", "1.5s", "-1s", "5S", "5sec", "5us"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_FALSE(parse_duration("999999999999999999d"));
}

TEST(Units, PrintedValuesAreReadAgainAsTheSame) {
  for (const Bytes bytes : {0ull, 1ull, 999ull, 1000ull, 1024ull, 65536ull, 1'000'000ull, 67108864ull, 1ull << 40})
    EXPECT_EQ(*parse_size(format_size(bytes)), bytes) << format_size(bytes);
  for (const int ms : {0, 1, 250, 1000, 1500, 60'000, 300'000, 259'200'000})
    EXPECT_EQ(parse_duration(format_duration(Milliseconds(ms)))->count(), ms);
  EXPECT_EQ(format_size(64 * 1024 * 1024), "64MiB");
  EXPECT_EQ(format_duration(Milliseconds(72 * 3'600'000)), "72h");
  EXPECT_EQ(format_duration(Milliseconds(25'000)), "25s");
}

}  // namespace
}  // namespace tailrace
