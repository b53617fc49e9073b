#include "base/slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tailrace {
namespace {

TEST(Slots, AThingStaysWhereItIsUntilItIsTaken) {
  Slots<std::string> slots;
  const std::uint64_t first = slots.put("first");
  const std::string* at = &slots[first];
  for (int i = 0; i < 1000; ++i) slots.put("another");
  EXPECT_EQ(&slots[first], at);
  EXPECT_EQ(slots.take(first), "first");
  EXPECT_EQ(slots.size(), 1000u);
}

TEST(Slots, ATokenThatCameBackIsUsedAgain) {
  Slots<std::string> slots;
  const std::uint64_t first = slots.put("first");
  slots.put("second");
  slots.take(first);
  EXPECT_EQ(slots.put("third"), first);
  std::vector<std::string> held;
  slots.for_each([&held](std::string& thing) { held.push_back(thing); });
  EXPECT_THAT(held, testing::ElementsAre("third", "second"));
}

TEST(SlotsDeathTest, ATokenThatNothingHasIsAnError) {
  Slots<std::string> slots;
  const std::uint64_t first = slots.put("first");
  slots.take(first);
  EXPECT_DEATH(slots.take(first), "nothing has the token 0");
}

}  // namespace
}  // namespace tailrace
