#include "base/mailbox.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <thread>

#include "tests/base/wait.h"

namespace tailrace {
namespace {

TEST(Mailbox, IsReadableFromThePushToTheDrain) {
  Mailbox<int> box(10);
  EXPECT_FALSE(is_readable(box.fd()));
  EXPECT_TRUE(box.push(1));
  EXPECT_TRUE(box.push(2));
  EXPECT_TRUE(is_readable(box.fd()));
  EXPECT_EQ(box.drain(), (std::vector<int>{1, 2}));
  EXPECT_FALSE(is_readable(box.fd()));
  EXPECT_TRUE(box.drain().empty());
}

TEST(Mailbox, SaysWhenItIsFullAndKeepsTheItemWithItsPusher) {
  Mailbox<std::unique_ptr<int>> box(1);
  EXPECT_TRUE(box.push(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(box.push(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(box.drain().size(), 1U);
  EXPECT_TRUE(box.push(std::move(second)));
}

// Three threads push while the loop sleeps on the descriptor only: a lost wake-up would hang it.
TEST(Mailbox, LosesNoWakeUpAndKeepsEachThreadsOrder) {
  constexpr int kEach = 20'000;
  constexpr int kThreads = 3;
  Mailbox<std::pair<int, int>> box(1'000'000);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&box, t] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(box.push({t, i}));
    });
  }
  std::map<int, int> next;
  int got = 0;
  while (got < kEach * kThreads) {
    ASSERT_TRUE(is_readable(box.fd(), kHangMs)) << got;
    for (const auto& [thread, i] : box.drain()) {
      EXPECT_EQ(next[thread]++, i);
      ++got;
    }
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tailrace
