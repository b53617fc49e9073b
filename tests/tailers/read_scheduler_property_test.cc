// ReadScheduler under files that always have more to read, come and go, and wait for this and that: nobody starves.
//
// The bounds, from read_scheduler.cc. A class that is not first gathers a debt while others are read before it: a third
// of their bytes. At kOwedMax (M) it goes first, and what is read of it pays. So, with n files, reads of at most B
// bytes, F bytes in flight at most (given out, not yet charged; F <= M), and bytes counted where they are given out:
//
//  own       a class goes round: while a file waits, its own class gets at most n B
//  held      a class that waits is passed over only while its debt is below M. Each byte of the others adds a third,
//            each byte of its own takes one off, F may be on its way uncharged either way, and the last turn is B:
//            while it gets s, the others get at most 3 (M + s + F) + F + B
//  owed      a class that is served before those in front of it takes only what it is owed: at first at most `most`
//            (the debt's bound) - M, a third of what the others get, F on its way, and one turn of B:
//            while those in front of it get o, it gets at most (most - M) + (o + F) / 3 + F + B
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "tailers/read_scheduler.h"
#include "tailers/tailer.h"
#include "tests/base/random_walk.h"

namespace tailrace {
namespace {

constexpr std::uint64_t kSeeds = 200;
constexpr int kSteps = 3'000;

constexpr std::size_t kFilesMax = 12;                 // n
constexpr std::size_t kDepth = 3;                     // reads in flight
constexpr std::uint64_t kReadMax = 84 * 1024;         // B
constexpr std::uint64_t kFlight = kDepth * kReadMax;  // F
constexpr std::uint64_t kOwedMax = 256 * 1024;        // M
// Where a debt stops to grow while its class has nothing queued, and the read that took it there.
constexpr std::uint64_t kDebtMax = 2 * kOwedMax + kReadMax / 3;
constexpr std::uint64_t kOwn = kFilesMax * kReadMax;
static_assert(kFlight <= kOwedMax && kReadMax % 3 == 0);

constexpr std::uint64_t held(std::uint64_t own) { return 3 * (kOwedMax + own + kFlight) + kFlight + kReadMax; }
constexpr std::uint64_t owed(std::uint64_t others) {
  return kDebtMax - kOwedMax + (others + kFlight) / 3 + kFlight + kReadMax;
}

enum Class : std::uint8_t { live, vanishing, backlog };

// Bytes that others get while a file of that class waits for its turn.
constexpr std::array<std::uint64_t, 3> kGapMax = {
    kOwn + owed(kOwn) + owed(kOwn + owed(kOwn)),  // live: its own, then what the other two are owed
    kOwn + held(kOwn) + owed(kOwn + held(kOwn)),  // vanishing: is held up by live, and backlog is owed
    kOwn + held(kOwn),                            // backlog: is held up by both
};
// While a backlog file is queued, the others get at most three times what backlog gets, and this once.
constexpr std::uint64_t kShareSlack = 3 * kOwedMax + kFlight + kReadMax;

// The scheduler never looks at a file's tailer: a place in memory is enough.
Tailer& no_tailer() {
  alignas(Tailer) static std::array<std::byte, sizeof(Tailer)> place;
  return *reinterpret_cast<Tailer*>(place.data());
}

struct Tracked {
  Tracked() : file(no_tailer(), checkpoint) { file.size = 1; }
  Checkpoint checkpoint;
  TailFile file;
  Class klass = live;
  Turn turn = Turn::none;       // what the model thinks
  std::uint64_t queued_at = 0;  // bytes that had been given out
  std::uint64_t bytes_to_charge = 0;
};

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {
    // Each seed leaves some of it out: nothing waits, nothing comes, one class only has one file ...
    for (std::uint64_t& weight : weights_) weight = below(3) == 0 ? 0 : 1 + below(12);
    for (std::uint64_t& weight : class_weights_) weight = below(3) == 0 ? 0 : 1 + below(6);
    class_weights_[below(3)] += 1;
    read_least_ = 3 * (1 + below(kReadMax / 3));
    while (files_.size() < 2 + below(kFilesMax - 1)) come();
  }

  void step() {
    if (in_flight_.size() == kDepth || (!in_flight_.empty() && below(2) == 0)) return complete();
    std::uint64_t dice = below(60 + weights_[0] + weights_[1] + weights_[2]);
    if (dice < 60) return take_a_turn();
    dice -= 60;
    if (dice < weights_[0]) return wake_some();
    dice -= weights_[0];
    if (dice < weights_[1]) return come();
    go();
  }

  void check() {
    for (const auto& one : files_) {
      ASSERT_EQ(one->file.turn, one->turn);
      if (one->turn != Turn::queued) continue;
      ASSERT_LE(given_ - one->queued_at, kGapMax[one->klass]) << "bytes, by class " << int{one->klass};
    }
    ASSERT_LE(given_past_backlog_, 3 * given_to_backlog_ + kShareSlack);
    ASSERT_EQ(scheduler_.has_queued(), count(Turn::queued) > 0);
    ASSERT_EQ(scheduler_.is_held_back(),
              count(Turn::wants_room) + count(Turn::wants_memory) + count(Turn::wants_acks) > 0);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  std::size_t count(Turn turn) const {
    return static_cast<std::size_t>(
        std::count_if(files_.begin(), files_.end(), [turn](const auto& one) { return one->turn == turn; }));
  }
  bool is_backlog_queued() const {
    return std::any_of(files_.begin(), files_.end(),
                       [](const auto& one) { return one->klass == backlog && one->turn == Turn::queued; });
  }

  void add(Tracked& one) {
    scheduler_.add(one.file);
    one.turn = Turn::queued;
    one.queued_at = given_;
  }

  void classify(Tracked& one) {
    std::uint64_t dice = below(class_weights_[0] + class_weights_[1] + class_weights_[2]);
    one.klass = dice < class_weights_[0] ? live : dice < class_weights_[0] + class_weights_[1] ? vanishing : backlog;
    one.file.is_live = one.klass == live;
    one.file.is_deleted = one.klass == vanishing;
  }

  void take_a_turn() {
    const bool is_backlog_waiting = is_backlog_queued();
    TailFile* next = scheduler_.next();
    if (next == nullptr) {
      EXPECT_EQ(count(Turn::queued), 0u);
      return;
    }
    const auto found = std::find_if(files_.begin(), files_.end(), [&](const auto& one) { return &one->file == next; });
    ASSERT_TRUE(found != files_.end()) << "a file that is gone";
    Tracked& one = **found;
    ASSERT_EQ(one.turn, Turn::queued);
    one.turn = Turn::none;
    if (below(100) < weights_[3]) return wait(one);
    one.bytes_to_charge = read_least_ + 3 * below((kReadMax - read_least_) / 3 + 1);
    given_ += one.bytes_to_charge;
    if (one.klass == backlog) {
      given_to_backlog_ += one.bytes_to_charge;
    } else if (is_backlog_waiting) {
      given_past_backlog_ += one.bytes_to_charge;
    }
    one.turn = one.file.turn = Turn::in_flight;
    in_flight_.push_back(&one);
  }

  // Its lane is full, the memory is empty ...: it comes back to the end of its queue when it is woken.
  void wait(Tracked& one) {
    constexpr std::array kWaits = {Turn::wants_room, Turn::wants_memory, Turn::wants_acks, Turn::wants_retry};
    one.turn = kWaits[below(kWaits.size())];
    one.file.lane = static_cast<LaneNumber>(below(3));
    scheduler_.wait(one.file, one.turn);
  }

  // Completions come in any order. There is more to read, unless the file has run dry for now.
  void complete() {
    const std::size_t which = below(in_flight_.size());
    Tracked& one = *in_flight_[which];
    in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(which));
    one.turn = one.file.turn = Turn::none;
    scheduler_.charge(one.file, one.bytes_to_charge);
    if (below(100) < weights_[4]) return;
    if (below(100) < weights_[5]) classify(one);
    add(one);
  }

  void wake_some() {
    constexpr std::array kWakes = {Turn::wants_memory, Turn::wants_acks, Turn::wants_retry};
    const Turn turn = kWakes[below(kWakes.size())];
    const auto lane = static_cast<LaneNumber>(below(3));
    const std::uint64_t dice = below(4);
    if (dice == 0) scheduler_.wake(turn);
    if (dice == 1) scheduler_.wake_lane(lane);
    if (dice == 2) scheduler_.wake_lanes([](LaneNumber) { return true; });
    for (const auto& one : files_) {
      const bool is_woken = (dice == 0 && one->turn == turn) ||
                            (one->turn == Turn::wants_room && (dice == 2 || (dice == 1 && one->file.lane == lane)));
      if (is_woken || (dice == 3 && one->turn == Turn::none)) add(*one);  // 3: the dry ones have grown
    }
  }

  void come() {
    if (files_.size() == kFilesMax) return;
    files_.push_back(std::make_unique<Tracked>());
    classify(*files_.back());
    add(*files_.back());
  }

  // Forgotten, from wherever it waits; or its class changes while it is queued (renamed away), which begins anew.
  void go() {
    if (files_.empty()) return;
    const std::size_t which = below(files_.size());
    Tracked& one = *files_[which];
    if (one.turn == Turn::in_flight) return;
    scheduler_.remove(one.file);
    one.turn = Turn::none;
    if (below(2) == 0) {
      classify(one);
      add(one);
    } else {
      files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }

  std::mt19937_64 random_;
  std::array<std::uint64_t, 6> weights_{};  // of waking, coming, going; per cent that wait, run dry, change
  std::array<std::uint64_t, 3> class_weights_{};
  std::uint64_t read_least_ = 3;
  ReadScheduler scheduler_;
  std::vector<std::unique_ptr<Tracked>> files_;
  std::vector<Tracked*> in_flight_;
  std::uint64_t given_ = 0;
  std::uint64_t given_to_backlog_ = 0;
  std::uint64_t given_past_backlog_ = 0;  // to others, while a backlog file was queued
};

// Up to twelve files, of any class, that have more to read after each read, three reads in flight: whatever comes,
// goes, waits or changes its class, a queued file's turn comes before the others have had more than the bound above,
// and backlog that waits gets a quarter of the bytes.
TEST(ReadSchedulerProperty, NobodyWaitsLongerThanTheBoundAndBacklogGetsAQuarter) {
  walk_at_random<Walk>(kSeeds, kSteps);
}

}  // namespace
}  // namespace tailrace
