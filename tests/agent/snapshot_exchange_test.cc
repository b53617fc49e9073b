#include "agent/snapshot_exchange.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

namespace tailrace {
namespace {

constexpr ExchangePatience kImpatient{std::chrono::milliseconds(1), std::chrono::milliseconds(1)};
constexpr ExchangePatience kPatient{std::chrono::minutes(1), std::chrono::minutes(1)};

bool is_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

void wait_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  ASSERT_EQ(poll(&one, 1, 60'000), 1);
}

Snapshot named(const std::string& name) {
  Snapshot snapshot;
  snapshot.agent_name = name;
  return snapshot;
}

TEST(SnapshotExchange, ALoopThatDoesNotAnswerLeavesTheAskerWithNothing) {
  SnapshotExchange exchange(kImpatient);
  EXPECT_EQ(exchange.fresh(0), nullptr);
  EXPECT_FALSE(exchange.is_turning());
  EXPECT_TRUE(is_readable(exchange.fd()));
}

TEST(SnapshotExchange, TheAskerGetsASnapshotThatWasMadeForIt) {
  SnapshotExchange exchange(kPatient);
  std::thread asker([&] {
    const auto snapshot = exchange.fresh(7);
    ASSERT_NE(snapshot, nullptr);
    EXPECT_EQ(snapshot->agent_name, "fresh");
  });
  wait_readable(exchange.fd());
  exchange.answer([](std::size_t lagging_files_max) {
    EXPECT_EQ(lagging_files_max, 7u);
    return named("fresh");
  });
  asker.join();
  EXPECT_FALSE(is_readable(exchange.fd()));
}

TEST(SnapshotExchange, AnAskerOfAHungLoopGetsTheLastOne) {
  SnapshotExchange exchange(kImpatient);
  EXPECT_EQ(exchange.fresh(0), nullptr);
  exchange.answer([](std::size_t) { return named("late"); });
  const auto snapshot = exchange.fresh(0);
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(snapshot->agent_name, "late");
}

// Everyone who waits is served by one copy of the loop's state.
TEST(SnapshotExchange, ManyAskersCostOneSnapshot) {
  SnapshotExchange exchange(kImpatient);
  for (int i = 0; i < 5; ++i) exchange.fresh(static_cast<std::size_t>(i));
  int made = 0;
  exchange.answer([&](std::size_t lagging_files_max) {
    ++made;
    EXPECT_EQ(lagging_files_max, 4u);
    return Snapshot{};
  });
  exchange.answer([&](std::size_t) {
    ++made;
    return Snapshot{};
  });
  EXPECT_EQ(made, 1);
}

TEST(SnapshotExchange, ASignOfLifeCostsNoSnapshot) {
  SnapshotExchange exchange(kPatient);
  std::thread asker([&] { EXPECT_TRUE(exchange.is_turning()); });
  wait_readable(exchange.fd());
  exchange.answer([](std::size_t) {
    ADD_FAILURE() << "nobody asked for it";
    return Snapshot{};
  });
  asker.join();
}

TEST(SnapshotExchange, ClosingLetsEveryoneGo) {
  SnapshotExchange exchange(kPatient);
  std::thread asker([&] { EXPECT_FALSE(exchange.is_turning()); });
  std::thread other([&] { EXPECT_EQ(exchange.fresh(0), nullptr); });
  wait_readable(exchange.fd());
  exchange.close();
  asker.join();
  other.join();
}

TEST(SnapshotExchange, ManyThreadsAskAndAllAreAnswered) {
  SnapshotExchange exchange(kPatient);
  std::atomic<int> asking = 4;
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      for (int n = 0; n < 200; ++n) {
        EXPECT_NE(exchange.fresh(0), nullptr);
        EXPECT_TRUE(exchange.is_turning());
      }
      --asking;
    });
  }
  while (asking > 0) {
    pollfd one{exchange.fd(), POLLIN, 0};
    if (poll(&one, 1, 10) == 1) exchange.answer([](std::size_t) { return Snapshot{}; });
  }
  for (std::thread& asker : askers) asker.join();
}

}  // namespace
}  // namespace tailrace
