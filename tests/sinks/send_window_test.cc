#include "sinks/send_window.h"

#include <gtest/gtest.h>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
constexpr std::uint64_t kBlock = 950'000;
constexpr std::uint64_t kMax = 16'000'000;

// A broker that takes `own` plus `per_mb` for each megabyte that is in flight.
struct Broker {
  Duration own;
  Duration per_mb;
  Duration answers(std::uint64_t bytes) const { return own + per_mb * static_cast<long>(bytes / 1000) / 1000; }
};

std::uint64_t settle(SendWindow& window, const Broker& broker, Instant& now, int rounds = 500) {
  for (int i = 0; i < rounds; ++i) {
    const Duration took = broker.answers(window.bytes());
    now += took;
    window.on_ack(took, window.bytes(), now);
  }
  return window.bytes();
}

// More than a request behind each other gains nothing there.
TEST(SendWindow, ANearBrokerHasOneRequestOnItsWay) {
  SendWindow window(kBlock, kMax);
  EXPECT_EQ(window.bytes(), kBlock);
  Instant now{};
  EXPECT_EQ(settle(window, {.own = milliseconds(1), .per_mb = milliseconds(4)}, now), kBlock);
  EXPECT_TRUE(window.is_of_one_request());
}

TEST(SendWindow, GrowsOverAFarBrokerWhileItIsTheLimit) {
  SendWindow window(kBlock, kMax);
  Instant now{};
  EXPECT_EQ(settle(window, {.own = milliseconds(20), .per_mb = milliseconds(1)}, now), kMax);
  EXPECT_FALSE(window.is_of_one_request());
}

TEST(SendWindow, ComesBackToOneRequestWhenTheBrokerIsNear) {
  SendWindow window(kBlock, kMax);
  Instant now{};
  settle(window, {.own = milliseconds(20), .per_mb = milliseconds(1)}, now);
  now += std::chrono::seconds(30);
  settle(window, {.own = milliseconds(1), .per_mb = milliseconds(1)}, now);
  now += std::chrono::seconds(30);
  EXPECT_EQ(settle(window, {.own = milliseconds(1), .per_mb = milliseconds(1)}, now), kBlock);
}

TEST(SendWindow, ComesToRestWhereAnAcknowledgementTakes50To100Milliseconds) {
  SendWindow window(kBlock, kMax);
  const Broker broker{.own = milliseconds(15), .per_mb = milliseconds(20)};
  Instant now{};
  settle(window, broker, now);
  EXPECT_GE(broker.answers(window.bytes()), milliseconds(45));
  EXPECT_LE(broker.answers(window.bytes()), milliseconds(110));
}

TEST(SendWindow, ASlowBrokerGetsLessThanABlock) {
  SendWindow window(kBlock, kMax);
  const Broker broker{.own = milliseconds(1), .per_mb = milliseconds(500)};
  Instant now{};
  settle(window, broker, now);
  EXPECT_LE(window.bytes(), kBlock / 2);
  EXPECT_GE(window.bytes(), kBlock / 8);
}

// 200 ms are the way there and back, not a queue: shrinking the window would not make them less.
TEST(SendWindow, AFarBrokerIsNotTakenForASlowOne) {
  SendWindow window(kBlock, kMax);
  Instant now{};
  EXPECT_EQ(settle(window, {.own = milliseconds(200), .per_mb = milliseconds(1)}, now), kMax);
}

TEST(SendWindow, StaysWhereItIsWhileItIsNotTheLimit) {
  SendWindow window(kBlock, kMax);
  Instant now{};
  for (int i = 0; i < 100; ++i) window.on_ack(milliseconds(3), 10'000, now += milliseconds(10));
  EXPECT_EQ(window.bytes(), kBlock);
}

TEST(SendWindow, OneHiccupHalvesItAndNoMore) {
  SendWindow window(kBlock, kMax);
  Instant now{};
  settle(window, {.own = milliseconds(20), .per_mb = milliseconds(1)}, now);
  // All that was in flight is acknowledged at once, after three seconds.
  now += std::chrono::seconds(3);
  for (int i = 0; i < 10; ++i) window.on_ack(std::chrono::seconds(3), kMax, now);
  EXPECT_EQ(window.bytes(), kMax / 2);
}

TEST(SendWindow, ASmallBoundIsKept) {
  SendWindow window(kBlock, 100'000);
  Instant now{};
  EXPECT_EQ(window.bytes(), 100'000u);
  settle(window, {.own = milliseconds(1), .per_mb = milliseconds(1)}, now);
  EXPECT_EQ(window.bytes(), 100'000u);
}

}  // namespace
}  // namespace tailrace
