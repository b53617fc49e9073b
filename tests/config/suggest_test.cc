#include "config/suggest.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

TEST(Suggest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("topic", "topic"), 0u);
  EXPECT_EQ(edit_distance("topics", "topic"), 1u);
  EXPECT_EQ(edit_distance("tpic", "topic"), 1u);
  EXPECT_EQ(edit_distance("tobic", "topic"), 1u);
  EXPECT_EQ(edit_distance("otpic", "topic"), 1u);
  EXPECT_EQ(edit_distance("", "topic"), 5u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
}

TEST(Suggest, TakesTheFirstOfTheNearest) {
  EXPECT_EQ(nearest("tpoic", {"type", "topic", "tonic"}).word, "topic");
  EXPECT_EQ(nearest("x", {"a", "b"}).word, "a");
  EXPECT_EQ(nearest("x", {}).word, "");
}

TEST(Suggest, AFarWordIsNamedButNotMeant) {
  EXPECT_EQ(remedy_for_unknown("topics", {"brokers", "topic"}, "key"), "did you mean \"topic\"?");
  EXPECT_EQ(remedy_for_unknown("zzzzzz", {"topic"}, "key"), "remove it (the nearest known key is \"topic\")");
  EXPECT_EQ(remedy_for_unknown("zzzzzz", {}, "key"), "remove it");
}

TEST(Suggest, AMonstrousWordIsNoWork) { EXPECT_EQ(nearest(std::string(10'000'000, 'x'), {"topic"}).word, "topic"); }

}  // namespace
}  // namespace tailrace
