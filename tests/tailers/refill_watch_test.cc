#include "tailers/refill_watch.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "tailers/tailer.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct RefillWatchTest : testing::Test {
  RefillWatch watch;
  std::deque<Checkpoint> known;
  std::deque<TailFile> files;
  Instant now{seconds(1000)};

  // Nobody looks at a file's tailer here: a place in memory is enough.
  static Tailer& no_tailer() {
    alignas(Tailer) static std::array<std::byte, sizeof(Tailer)> place;
    return *reinterpret_cast<Tailer*>(place.data());
  }
  TailFile& file() {
    Checkpoint& its = known.emplace_back();
    its.id = SourceId::random();
    return files.emplace_back(no_tailer(), its);
  }
};

TEST_F(RefillWatchTest, GivesEachWhenItIsDueAndOnce) {
  TailFile& a = file();
  TailFile& b = file();
  watch.add(a, now + seconds(5));
  watch.add(b, now + seconds(1));
  watch.add(a, now + seconds(9));  // keeps the earlier time
  EXPECT_EQ(watch.next(now), nullptr);
  EXPECT_EQ(watch.next_deadline(), now + seconds(1));
  EXPECT_EQ(watch.next(now + seconds(1)), &b);
  EXPECT_EQ(watch.next(now + seconds(1)), nullptr);
  EXPECT_EQ(watch.next(now + seconds(5)), &a);
  EXPECT_EQ(watch.next(now + seconds(60)), nullptr);
  EXPECT_EQ(watch.next_deadline(), kNever);
}

TEST_F(RefillWatchTest, ForgetsWhatIsRemoved) {
  TailFile& a = file();
  watch.add(a, now);
  watch.remove(a);
  EXPECT_EQ(watch.next(now), nullptr);
}

// 20,000 files that are all due each five seconds: in ten seconds no more are given than 1 % of a core can look at.
TEST_F(RefillWatchTest, NeverCostsMoreThanOnePercentOfACore) {
  for (int i = 0; i < 20'000; ++i) watch.add(file(), now);
  int given = 0;
  for (const Instant end = now + seconds(10); now < end; now += milliseconds(1)) {
    while (TailFile* due = watch.next(now)) {
      ++given;
      watch.charge(0, now);
      watch.add(*due, now + kRefillEvery);
    }
  }
  EXPECT_GT(given, 5000);
  EXPECT_LT(given, 7000) << "15 microseconds each";
}

}  // namespace
}  // namespace tailrace
