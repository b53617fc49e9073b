// The simulated engine: EngineSuite, on an orderly disk and on one that is late and out of order, and its fault model.
#include "tests/sim/sim_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/tailers/engine_suite.h"

namespace tailrace {
namespace {

template <std::uint32_t delay_max, bool reorders>
class SimulatedWorld {
 public:
  SimulatedWorld() { disk_.make("/d"); }
  std::string why_not() const { return ""; }
  IoEngine& engine() { return *engine_; }
  std::string put(const std::string& name, const std::string& bytes) {
    disk_.append("/d/" + name, bytes);
    return "/d/" + name;
  }
  std::string content(const std::string& name) { return disk_.content("/d/" + name); }
  int open_write(const std::string& name) {
    writers_.push_back(*disk_.open_write("/d/" + name, true));
    return writers_.back().get();
  }
  void close(int fd) { disk_.close_fd(fd); }
  std::string fifo(const std::string& name) {
    disk_.make_special("/d/" + name, FileType::fifo);
    return "/d/" + name;
  }
  // There is nothing to wait for: each dispatch is a moment later. A request that never comes back hangs.
  bool wait() { return ++waits_ < 10'000; }
  void destroy_engine() { engine_.reset(); }

 private:
  SimFileSystem disk_;
  std::vector<UniqueFd> writers_;
  std::unique_ptr<SimEngine> engine_ =
      std::make_unique<SimEngine>(disk_, SimEngineFaults{.seed = 3, .delay_max = delay_max, .reorders = reorders});
  int waits_ = 0;
};

using Orderly = SimulatedWorld<0, false>;
using Late = SimulatedWorld<5, true>;

struct EngineNames {
  template <class World>
  static std::string GetName(int) {
    return std::is_same_v<World, Orderly> ? "orderly" : "late";
  }
};
using SimulatedWorlds = ::testing::Types<Orderly, Late>;
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, EngineSuite, SimulatedWorlds, EngineNames);

struct Recorder final : IoClient {
  void on_io_done(std::uint64_t token, std::int64_t result, Instant) override { done.emplace_back(token, result); }
  std::vector<std::pair<std::uint64_t, std::int64_t>> done;
};

class SimEngineTest : public testing::Test {
 protected:
  SimEngineTest() {
    disk.make("/d");
    disk.append("/d/a", "0123456789");
  }
  IoRequest read_request(int fd, std::uint64_t token) {
    return {.op = IoRequest::Op::read,
            .fd = fd,
            .buffer = buffer,
            .bytes = sizeof buffer,
            .offset = 2,
            .client = &client,
            .token = token};
  }
  SimFileSystem disk;
  Recorder client;
  std::byte buffer[4];
};

TEST_F(SimEngineTest, NothingHappensBeforeTheFlushAndAllInOrderAtTheNextDispatch) {
  SimEngine engine(disk);
  engine.submit({.op = IoRequest::Op::open, .path = "/d/a", .client = &client, .token = 1});
  engine.submit({.op = IoRequest::Op::open, .path = "/d/none", .client = &client, .token = 2});
  EXPECT_EQ(engine.dispatch(Instant{}), 0u);
  EXPECT_EQ(engine.in_flight(), 2u);
  engine.flush();
  EXPECT_EQ(engine.dispatch(Instant{}), 2u);
  ASSERT_EQ(client.done.size(), 2u);
  EXPECT_GE(client.done[0].second, 1'000'000);
  EXPECT_EQ(client.done[1].second, -ENOENT);

  const UniqueFd fd = disk.adopt(static_cast<int>(client.done[0].second));
  engine.submit(read_request(fd.get(), 3));
  engine.flush();
  engine.dispatch(Instant{});
  EXPECT_EQ(client.done[2], std::pair(std::uint64_t{3}, std::int64_t{4}));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(buffer), 4), "2345");
}

TEST_F(SimEngineTest, AnAdoptedDescriptorIsClosedOnTheSimulatedDisk) {
  {
    const UniqueFd fd = disk.adopt(static_cast<int>(disk.engine_open("/d/a")));
  }
  EXPECT_EQ(disk.open_descriptors(), 0u);
}

TEST_F(SimEngineTest, WithASeedRequestsAreLateReorderedAndShortAndTwiceTheSame) {
  auto run = [this](std::uint64_t seed) {
    client.done.clear();
    SimEngine engine(disk, {.seed = seed, .delay_max = 3, .reorders = true, .short_percent = 50});
    const UniqueFd fd = disk.adopt(static_cast<int>(disk.engine_open("/d/a")));
    for (std::uint64_t token = 1; token <= 30; ++token) engine.submit(read_request(fd.get(), token));
    engine.flush();
    int dispatches = 0;
    while (engine.in_flight() > 0 && dispatches < 100) {
      engine.dispatch(Instant{});
      ++dispatches;
    }
    EXPECT_EQ(dispatches, 4);
    return client.done;
  };
  const auto first = run(7);
  ASSERT_EQ(first.size(), 30u);
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  std::size_t short_ones = 0;
  for (const auto& [token, result] : first) {
    EXPECT_TRUE(result >= 1 && result <= 4);
    short_ones += result < 4 ? 1 : 0;
  }
  EXPECT_GT(short_ones, 5u);
  EXPECT_EQ(run(7), first);
  EXPECT_NE(run(8), first);
}

TEST_F(SimEngineTest, WhatIsForgottenHasNoEffect) {
  SimEngine engine(disk);
  Result<UniqueFd> fd = disk.open_write("/d/a", false);
  engine.submit({.op = IoRequest::Op::write, .fd = fd->get(), .buffer = buffer, .bytes = 4, .client = &client});
  engine.flush();
  engine.forget_all();
  EXPECT_EQ(engine.dispatch(Instant{}), 0u);
  EXPECT_EQ(disk.content("/d/a"), "0123456789");
}

}  // namespace
}  // namespace tailrace
