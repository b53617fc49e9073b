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

}  // namespace
}  // namespace tailrace
