#include "agent/snapshot_exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(1)};

bool is_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

Snapshot named(const std::string& name) {
  Snapshot snapshot;
  snapshot.agent_name = name;
  return snapshot;
}

LoopQuestion for_snapshot(std::size_t lagging_files_max = 0) {
  return {.wants_snapshot = true, .lagging_files_max = lagging_files_max, .files = {}};
}

class SnapshotExchangeTest : public testing::Test {
 protected:
  // The loop turns, and calls itself `name`.
  void answer(const std::string& name) {
    exchange_.answer({.snapshot =
                          [&](const LoopQuestion& most) {
                            asked_.push_back(most);
                            return named(name);
                          },
                      .files =
                          [&](const std::vector<SourceId>& ids) {
                            std::vector<LaggingFile> files(ids.size());
                            for (std::size_t i = 0; i < ids.size(); ++i) files[i].inode = ids[i].low;
                            return files;
                          }});
  }
  SnapshotExchange exchange_;
  std::vector<LoopQuestion> asked_;
};

TEST_F(SnapshotExchangeTest, TheAskerGetsASnapshotThatWasMadeForIt) {
  const auto ticket = exchange_.ask(for_snapshot(7), kStart);
  EXPECT_TRUE(is_readable(exchange_.asked_fd()));
  EXPECT_FALSE(exchange_.take(ticket, kStart)) << "nobody has answered yet";
  EXPECT_FALSE(is_readable(exchange_.fd()));
  answer("fresh");
  EXPECT_FALSE(is_readable(exchange_.asked_fd()));
  EXPECT_TRUE(is_readable(exchange_.fd()));
  const auto got = exchange_.take(ticket, kStart);
  ASSERT_TRUE(got);
  ASSERT_NE(got->snapshot, nullptr);
  EXPECT_EQ(got->snapshot->agent_name, "fresh");
  EXPECT_TRUE(got->is_turning);
  EXPECT_FALSE(got->is_late);
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].lagging_files_max, 7u);
  EXPECT_FALSE(asked_[0].wants_sources);
}

TEST_F(SnapshotExchangeTest, ALoopThatDoesNotAnswerCostsItsAskersTheirPatience) {
  const auto ticket = exchange_.ask(for_snapshot(), kStart);
  EXPECT_EQ(exchange_.next_deadline(), kStart + seconds(2));
  EXPECT_FALSE(exchange_.take(ticket, kStart + milliseconds(1999)));
  const auto got = exchange_.take(ticket, kStart + seconds(2));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->snapshot, nullptr);
  EXPECT_TRUE(got->is_late);
  EXPECT_EQ(exchange_.next_deadline(), kNever);
}

TEST_F(SnapshotExchangeTest, AnAskerOfAHungLoopGetsTheLastOne) {
  exchange_.take(exchange_.ask(for_snapshot(), kStart), kStart + seconds(2));
  exchange_.ask(for_snapshot(), kStart + seconds(3));
  answer("late");
  const auto got = exchange_.take(exchange_.ask(for_snapshot(), kStart + seconds(4)), kStart + seconds(6));
  ASSERT_TRUE(got && got->snapshot);
  EXPECT_EQ(got->snapshot->agent_name, "late");
  EXPECT_TRUE(got->is_late);
}

// Everyone who waits is served by one copy of the loop's state.
TEST_F(SnapshotExchangeTest, ManyAskersCostOneSnapshot) {
  std::vector<LoopQuestions::Ticket> tickets;
  for (std::size_t i = 0; i < 5; ++i) tickets.push_back(exchange_.ask(for_snapshot(i), kStart));
  tickets.push_back(exchange_.ask({.wants_snapshot = true, .wants_sources = true, .files = {}}, kStart));
  answer("one");
  answer("two");
  for (const auto ticket : tickets) EXPECT_EQ(exchange_.take(ticket, kStart)->snapshot->agent_name, "one");
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].lagging_files_max, 4u);
  EXPECT_TRUE(asked_[0].wants_sources);
}

TEST_F(SnapshotExchangeTest, ASignOfLifeCostsNoSnapshot) {
  const auto ticket = exchange_.ask({}, kStart);
  answer("nobody asked for it");
  EXPECT_TRUE(exchange_.take(ticket, kStart)->is_turning);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SnapshotExchangeTest, FilesAreToldToWhoAskedForThem) {
  const auto one = exchange_.ask({.files = {{0, 1}, {0, 2}}}, kStart);
  const auto two = exchange_.ask({.files = {{0, 3}}}, kStart);
  answer("");
  const auto files = exchange_.take(two, kStart)->files;
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].inode, 3u);
  EXPECT_EQ(exchange_.take(one, kStart)->files.size(), 2u);
}

// A probe is answered within its second whatever the loop does; the word changes when ten seconds are over.
TEST_F(SnapshotExchangeTest, ALoopCountsAsHungAfterTenSeconds) {
  EXPECT_TRUE(exchange_.take(exchange_.ask({}, kStart), kStart + milliseconds(500))->is_turning) << "it sleeps";
  EXPECT_TRUE(exchange_.take(exchange_.ask({}, kStart + seconds(9)), kStart + milliseconds(9999))->is_turning);
  EXPECT_FALSE(exchange_.take(exchange_.ask({}, kStart + seconds(10)), kStart + seconds(11))->is_turning);
  const auto ticket = exchange_.ask({}, kStart + seconds(12));
  answer("");
  EXPECT_TRUE(exchange_.take(ticket, kStart + seconds(12))->is_turning);
}

TEST_F(SnapshotExchangeTest, ATurnThatHangsIsKnownThoughNobodyHadAsked) {
  exchange_.begin_turn(kStart);
  const Instant later = kStart + std::chrono::minutes(1);
  EXPECT_FALSE(exchange_.take(exchange_.ask({}, later), later + milliseconds(500))->is_turning);
  exchange_.end_turn();
  EXPECT_TRUE(exchange_.take(exchange_.ask({}, later), later + milliseconds(500))->is_turning);
}

TEST_F(SnapshotExchangeTest, ClosingLetsEveryoneGo) {
  const auto ticket = exchange_.ask({}, kStart);
  const auto other = exchange_.ask(for_snapshot(), kStart);
  exchange_.close();
  EXPECT_TRUE(is_readable(exchange_.fd()));
  EXPECT_FALSE(exchange_.take(ticket, kStart)->is_turning);
  EXPECT_EQ(exchange_.take(other, kStart)->snapshot, nullptr);
}

TEST_F(SnapshotExchangeTest, WhoIsForgottenIsNotAnswered) {
  exchange_.forget(exchange_.ask(for_snapshot(), kStart));
  EXPECT_EQ(exchange_.next_deadline(), kNever);
  answer("nobody");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SnapshotExchangeTest, TwoThreadsAskAndAnswer) {
  std::atomic<bool> is_asking = true;
  std::thread asker([&] {
    for (int n = 0; n < 2000; ++n) {
      const auto ticket = exchange_.ask(n % 2 == 0 ? for_snapshot() : LoopQuestion{}, kStart);
      std::optional<LoopAnswer> got;
      while (!(got = exchange_.take(ticket, kStart))) {
        pollfd one{exchange_.fd(), POLLIN, 0};
        poll(&one, 1, 60'000);
        exchange_.clear();
      }
      EXPECT_TRUE(got->is_turning);
      EXPECT_NE(got->snapshot, nullptr) << n;
    }
    is_asking = false;
  });
  while (is_asking) {
    pollfd one{exchange_.asked_fd(), POLLIN, 0};
    if (poll(&one, 1, 10) == 1) answer("");
  }
  asker.join();
}

}  // namespace
}  // namespace tailrace
