// Random walks against a model: a Walk is made of a seed, and has step() and check(), which says with EXPECT what is
// wrong.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

namespace tailrace {

// `last` comes after a walk's steps, and is checked as they are. The first failure ends it, and is told by seed and
// step.
template <class Walk, class Last>
void walk_at_random(std::uint64_t seeds, int steps, const Last& last) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Walk walk(seed);
    for (int step = 0; step < steps; ++step) {
      walk.step();
      walk.check();
      ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", step " << step;
    }
    last(walk);
    walk.check();
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", at the end";
  }
}

template <class Walk>
void walk_at_random(std::uint64_t seeds, int steps) {
  walk_at_random<Walk>(seeds, steps, [](Walk&) {});
}

}  // namespace tailrace
