#include "tailers/read_scheduler.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <string>

#include "tailers/tailer.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kRead = 60 * 1024;

// Files that always have more to read, and `depth` reads in flight that complete in the order of their turns.
class ReadSchedulerTest : public testing::Test {
 protected:
  // The scheduler never looks at a file's tailer: a place in memory is enough.
  static Tailer& no_tailer() {
    alignas(Tailer) static std::array<std::byte, sizeof(Tailer)> place;
    return *reinterpret_cast<Tailer*>(place.data());
  }
  TailFile& add(const std::string& path) {
    TailFile& file = files_.emplace_back(no_tailer(), checkpoint_);
    file.path = path;
    file.size = 1;
    file.is_live = path.starts_with("live");
    file.is_deleted = path.starts_with("deleted");
    scheduler_.add(file);
    return file;
  }
  // Bytes by path after `turns` turns.
  std::map<std::string, std::uint64_t> read(int turns, std::size_t depth) {
    std::map<std::string, std::uint64_t> bytes;
    std::deque<TailFile*> in_flight;
    const auto complete = [&] {
      TailFile& done = *in_flight.front();
      in_flight.pop_front();
      done.turn = Turn::none;
      scheduler_.charge(done, kRead);
      scheduler_.add(done);
    };
    for (int i = 0; i < turns; ++i) {
      if (in_flight.size() == depth) complete();
      TailFile* next = scheduler_.next();
      if (next == nullptr) continue;
      next->turn = Turn::in_flight;
      in_flight.push_back(next);
      bytes[next->path] += kRead;
    }
    while (!in_flight.empty()) complete();
    return bytes;
  }

  Checkpoint checkpoint_;
  std::deque<TailFile> files_;
  ReadScheduler scheduler_;
};

// Ten live tails that never run dry, and one file's backlog. While its read is under way nothing of it is queued, but
// it still wants its quarter: what the tails get meanwhile counts.
TEST_F(ReadSchedulerTest, TheBacklogOfOneFileGetsAQuarterWhateverTheDepth) {
  for (int i = 0; i < 10; ++i) add("live " + std::to_string(i));
  add("backlog");
  for (const std::size_t depth : {1, 2, 3}) EXPECT_GE(read(4'000, depth)["backlog"], 980 * kRead) << depth;
}

// Live tails that never run dry and much backlog: a deleted file, whose descriptor holds a disk, is read all the same.
TEST_F(ReadSchedulerTest, ADeletedFileIsReadBesideTailsThatNeverRunDry) {
  for (int i = 0; i < 10; ++i) add("live " + std::to_string(i));
  for (int i = 0; i < 10; ++i) add("backlog " + std::to_string(i));
  add("deleted");
  EXPECT_GE(read(4'000, 2)["deleted"], 700 * kRead);  // a quarter of what backlog leaves: 3/16
}

// Where a lane has no room its files would only queue to wait again: with thousands of them, for each acknowledgement.
TEST_F(ReadSchedulerTest, OnlyLanesWithRoomAreWoken) {
  for (LaneNumber lane = 0; lane < 3; ++lane) {
    add("backlog " + std::to_string(lane)).lane = lane;
    scheduler_.wait(*scheduler_.next(), Turn::wants_room);
  }
  scheduler_.wake_lanes([](LaneNumber lane) { return lane == 1; });
  ASSERT_TRUE(scheduler_.has_queued());
  EXPECT_EQ(scheduler_.next()->lane, 1u);
  EXPECT_FALSE(scheduler_.has_queued());
  EXPECT_TRUE(scheduler_.is_held_back());
}

}  // namespace
}  // namespace tailrace
