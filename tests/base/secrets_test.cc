#include "base/secrets.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

TEST(Secrets, AreHiddenWhereverTheyStand) {
  Secrets secrets;
  secrets.add("hunter2");
  secrets.add("hunter2-and-more");
  EXPECT_EQ(secrets.hide("open /x/hunter2/y: hunter2 hunter2"), "open /x/***/y: *** ***");
  EXPECT_EQ(secrets.hide("hunter2-and-more"), "***") << "the longer one, not a part of it";
  EXPECT_EQ(secrets.hide("hunter"), "hunter");
}

TEST(Secrets, ShortOnesWouldHideOrdinaryWords) {
  Secrets secrets;
  for (const char* text : {"", "a", "***", "abc"}) secrets.add(text);
  EXPECT_EQ(secrets.hide("abc *** a"), "abc *** a");
}

TEST(Secrets, AreKnownToAllThatIsSaid) {
  Secrets secrets;
  secrets.add("hunter2");
  hide_from_now_on(secrets);
  EXPECT_EQ(without_secrets("password hunter2"), "password ***");
  hide_from_now_on({});
  EXPECT_EQ(without_secrets("password hunter2"), "password hunter2");
}

// A password that is rotated while the process runs is hidden beside those of its start, and so is the one before it.
TEST(Secrets, ThoseThatCameLaterAreHiddenAsWell) {
  Secrets secrets;
  secrets.add("hunter2");
  hide_from_now_on(secrets);
  hide_as_well({"hunter3", "hunter3-of-app"});
  hide_as_well({"hunter4"});
  EXPECT_EQ(without_secrets("hunter2 hunter3 hunter3-of-app hunter4"), "*** *** *** ***");
  for (int i = 0; i < 200; ++i) hide_as_well({"hunter5"});
  EXPECT_EQ(without_secrets("hunter3 hunter5"), "*** ***") << "the same one takes no place of another";
  for (int i = 0; i < 200; ++i) hide_as_well({"rotated-" + std::to_string(1000 + i)});
  EXPECT_EQ(without_secrets("hunter2 hunter5 rotated-1199"), "*** hunter5 ***");
  hide_from_now_on({});
}

}  // namespace
}  // namespace tailrace
