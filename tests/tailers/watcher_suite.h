// WatcherSuite: what every Watcher tells, run alike on inotify and on the simulated one.
//
// The type parameter is a world: an empty directory, a writer in it, and a watcher that watches nothing yet.
//
//   struct World {
//     std::string why_not() const;                       // not empty: this machine cannot; the test is skipped
//     Watcher& watcher();
//     std::string path(const std::string& name) const;   // "": the directory itself
//     bool is_readable();                                // watcher().fd() is
//     std::size_t queue_max();                           // so many events wait at most; 0: too many for a test
//     void touch(const std::string& name);               // makes an empty file
//     void append(const std::string& name);              // a byte; makes the file
//     void cut(const std::string& name);
//     void make(const std::string& name);                // a directory
//     void move(const std::string& from, const std::string& to);
//     void erase(const std::string& name);               // a directory with all that is in it
//     void link(const std::string& existing, const std::string& name);
//     void symlink(const std::string& target, const std::string& name);
//   };
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tailers/watcher.h"

namespace tailrace {

using WatchKind = WatchEvent::Kind;

// An event, to be compared: what it says, of which watch, about which name. A directory's name ends in a slash.
struct SeenEvent {
  WatchKind kind;
  WatchId watch = -1;
  std::string name;
  bool operator==(const SeenEvent&) const = default;
};

using SeenEvents = std::vector<SeenEvent>;

inline std::ostream& operator<<(std::ostream& out, const SeenEvent& seen) {
  constexpr const char* kKinds[] = {"modified", "appeared",   "moved_from",     "moved_to",
                                    "removed",  "attributes", "directory_gone", "overflow"};
  return out << kKinds[static_cast<int>(seen.kind)] << " " << seen.watch << ":" << seen.name;
}

template <class World>
class WatcherSuite : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!world_.why_not().empty()) GTEST_SKIP() << world_.why_not();
  }

  WatchId watch(const std::string& name = "") {
    const Result<WatchId> id = world_.watcher().add(world_.path(name));
    EXPECT_TRUE(id) << (id ? "" : id.error().text());
    return id ? *id : -1;
  }

  // All that waits.
  SeenEvents events() {
    SeenEvents seen;
    cookies_.clear();
    do {
      world_.watcher().read_events([&](const WatchEvent& event) {
        const bool is_named_directory = event.is_directory && !event.name.empty();
        seen.push_back({event.kind, event.watch, std::string(event.name) + (is_named_directory ? "/" : "")});
        cookies_.push_back(event.cookie);
      });
    } while (world_.is_readable());
    return seen;
  }

  World world_;
  std::vector<std::uint32_t> cookies_;  // of the last events()
};

TYPED_TEST_SUITE_P(WatcherSuite);

TYPED_TEST_P(WatcherSuite, SaysNothingWhenNothingHappened) {
  this->watch();
  EXPECT_FALSE(this->world_.is_readable());
  EXPECT_EQ(this->events(), SeenEvents{});
}

TYPED_TEST_P(WatcherSuite, SaysWhatHappensToFiles) {
  const WatchId id = this->watch();
  this->world_.append("a");
  EXPECT_TRUE(this->world_.is_readable());
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, id, "a"}, {WatchKind::modified, id, "a"}}));
  EXPECT_FALSE(this->world_.is_readable());
  this->world_.append("a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, id, "a"}}));
  this->world_.cut("a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, id, "a"}}));
  this->world_.link("a", "hard");
  this->world_.append("hard");  // under the name by which it was opened
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, id, "hard"}, {WatchKind::modified, id, "hard"}}));
  this->world_.erase("a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::removed, id, "a"}}));
}

// Only the directory itself: what happens below its subdirectories needs watches of their own.
TYPED_TEST_P(WatcherSuite, SaysOfSubdirectoriesThatTheyAreDirectories) {
  const WatchId id = this->watch();
  this->world_.make("sub");
  this->world_.append("sub/a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, id, "sub/"}}));
  this->world_.move("sub", "moved");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::moved_from, id, "sub/"}, {WatchKind::moved_to, id, "moved/"}}));
  this->world_.erase("moved");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::removed, id, "moved/"}}));
}

// Rotation: two halves of one cookie, also when the name was another file's; and another cookie for the next.
TYPED_TEST_P(WatcherSuite, PairsTheTwoHalvesOfARename) {
  this->world_.append("a");
  this->world_.append("old");
  const WatchId id = this->watch();
  this->world_.move("a", "old");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::moved_from, id, "a"}, {WatchKind::moved_to, id, "old"}}));
  EXPECT_EQ(this->cookies_[0], this->cookies_[1]);
  const std::uint32_t cookie = this->cookies_[0];
  EXPECT_NE(cookie, 0u);
  this->world_.move("old", "older");
  this->events();
  ASSERT_EQ(this->cookies_.size(), 2u);
  EXPECT_NE(this->cookies_[0], cookie);
}

TYPED_TEST_P(WatcherSuite, PairsARenameBetweenTwoDirectories) {
  this->world_.append("one/a");
  this->world_.make("two");
  const WatchId one = this->watch("one"), two = this->watch("two");
  this->world_.move("one/a", "two/b");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::moved_from, one, "a"}, {WatchKind::moved_to, two, "b"}}));
  EXPECT_EQ(this->cookies_[0], this->cookies_[1]);
}

// The other half happens where nobody looks.
TYPED_TEST_P(WatcherSuite, SaysHalfOfAMoveInOrOut) {
  this->world_.append("in/a");
  this->world_.make("out");
  const WatchId id = this->watch("in");
  this->world_.move("in/a", "out/a");
  this->world_.append("out/a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::moved_from, id, "a"}}));
  this->world_.move("out/a", "in/b");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::moved_to, id, "b"}}));
  EXPECT_NE(this->cookies_[0], 0u);
}

TYPED_TEST_P(WatcherSuite, ADirectoryHasOneWatchByWhateverName) {
  this->world_.make("sub");
  this->world_.symlink("sub", "alias");
  const WatchId id = this->watch("sub");
  EXPECT_EQ(this->watch("sub"), id);
  EXPECT_EQ(this->watch("sub/."), id);
  EXPECT_EQ(this->watch("alias"), id);
  EXPECT_NE(this->watch(), id);
}

// A write is told of where the file is: to the directory that a symlink leads to, and not to the symlink's own.
TYPED_TEST_P(WatcherSuite, AWriteThroughASymlinkHappensWhereTheFileIs) {
  this->world_.append("sub/a");
  this->world_.symlink("sub", "alias");
  this->world_.symlink("sub/a", "link");
  this->watch();
  const WatchId id = this->watch("sub");
  this->world_.append("alias/b");
  this->world_.append("link");
  EXPECT_EQ(
      this->events(),
      (SeenEvents{{WatchKind::appeared, id, "b"}, {WatchKind::modified, id, "b"}, {WatchKind::modified, id, "a"}}));
}

TYPED_TEST_P(WatcherSuite, SaysWhyADirectoryCannotBeWatched) {
  this->world_.append("file");
  const auto kind_of = [this](const std::string& name) {
    const Result<WatchId> id = this->world_.watcher().add(this->world_.path(name));
    EXPECT_FALSE(id) << name;
    return id.error().kind();
  };
  EXPECT_EQ(kind_of("file"), ErrorKind::bad_input);
  EXPECT_EQ(kind_of("none"), ErrorKind::not_found);
}

// A removed directory's watch ends, once; a new one of its name is another, and nothing is told of it until it is
// added.
TYPED_TEST_P(WatcherSuite, TheWatchOfARemovedDirectoryEnds) {
  this->world_.append("sub/a");
  const WatchId above = this->watch(), id = this->watch("sub");
  this->world_.erase("sub");
  // In which order, the kernel leaves to the file system.
  EXPECT_THAT(this->events(), ::testing::UnorderedElementsAre(SeenEvent{WatchKind::removed, id, "a"},
                                                              SeenEvent{WatchKind::removed, above, "sub/"},
                                                              SeenEvent{WatchKind::directory_gone, id, ""}));
  this->world_.append("sub/b");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, above, "sub/"}}));
  this->world_.watcher().remove(id);  // it has ended: nothing happens
  const WatchId again = this->watch("sub");
  EXPECT_NE(again, id);
  this->world_.append("sub/b");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, again, "b"}}));
}

// A moved directory has a path that nobody knows: its watch ends, and it is a new one under its new name.
TYPED_TEST_P(WatcherSuite, TheWatchOfAMovedDirectoryEnds) {
  this->world_.append("sub/a");
  const WatchId above = this->watch(), id = this->watch("sub");
  this->world_.move("sub", "moved");
  this->world_.append("moved/a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::moved_from, above, "sub/"},
                                        {WatchKind::moved_to, above, "moved/"},
                                        {WatchKind::directory_gone, id, ""}}));
  const WatchId again = this->watch("moved");
  EXPECT_NE(again, id);
  this->world_.append("moved/a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, again, "a"}}));
}

// A directory above a watched one is moved: the watched one goes on, and nothing says that its path is another.
TYPED_TEST_P(WatcherSuite, AWatchGoesOnWhenADirectoryAboveItIsMoved) {
  this->world_.append("one/deep/a");
  const WatchId id = this->watch("one/deep");
  this->world_.move("one", "two");
  EXPECT_EQ(this->events(), SeenEvents{});
  this->world_.append("two/deep/a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, id, "a"}}));
  EXPECT_EQ(this->watch("two/deep"), id);
}

// What waits of a watch that is removed is dropped as well.
TYPED_TEST_P(WatcherSuite, SaysNothingOfAWatchThatWasRemoved) {
  const WatchId id = this->watch();
  this->world_.append("a");
  this->world_.watcher().remove(id);
  this->world_.watcher().remove(id);
  EXPECT_EQ(this->events(), SeenEvents{});
  this->world_.append("b");
  EXPECT_EQ(this->events(), SeenEvents{});
}

// As a tailer does: it watches the directory that has appeared, and here it stops to watch the one above.
TYPED_TEST_P(WatcherSuite, TheCallbackMayAddAndRemove) {
  const WatchId id = this->watch();
  this->world_.make("sub");
  this->world_.append("a");
  int calls = 0;
  WatchId added = -1;
  this->world_.watcher().read_events([&](const WatchEvent& event) {
    ++calls;
    added = this->watch(std::string(event.name));
    this->world_.watcher().remove(id);
  });
  EXPECT_EQ(calls, 1);
  this->world_.append("sub/x");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, added, "x"}, {WatchKind::modified, added, "x"}}));
}

TYPED_TEST_P(WatcherSuite, WritesThatFollowEachOtherAreOneEvent) {
  this->world_.append("a");
  const WatchId id = this->watch();
  for (int i = 0; i < 100; ++i) this->world_.append("a");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, id, "a"}}));
}

// "modified a" before and after the rename are two files: they are not one event.
TYPED_TEST_P(WatcherSuite, KeepsTheOrderOfWritesAndRenames) {
  this->world_.append("a");
  const WatchId id = this->watch();
  this->world_.append("a");
  this->world_.move("a", "b");
  this->world_.append("a");
  this->world_.append("b");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, id, "a"},
                                        {WatchKind::moved_from, id, "a"},
                                        {WatchKind::moved_to, id, "b"},
                                        {WatchKind::appeared, id, "a"},
                                        {WatchKind::modified, id, "a"},
                                        {WatchKind::modified, id, "b"}}));
}

// Muted it wakes nobody, gathers, and answers all the same when it is asked.
TYPED_TEST_P(WatcherSuite, MutedItGathersAndWakesNobody) {
  const WatchId id = this->watch();
  this->world_.watcher().mute(true);
  this->world_.append("a");
  EXPECT_FALSE(this->world_.is_readable());
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, id, "a"}, {WatchKind::modified, id, "a"}}));
  this->world_.append("a");
  this->world_.watcher().mute(false);
  EXPECT_TRUE(this->world_.is_readable());
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::modified, id, "a"}}));
}

// More happens than the queue holds: what had room is told, then that something is missing; afterwards all is as
// before.
TYPED_TEST_P(WatcherSuite, SaysWhenEventsWereLost) {
  const std::size_t queue_max = this->world_.queue_max();
  if (queue_max == 0) GTEST_SKIP() << "the queue is too long for a test";
  const WatchId id = this->watch();
  for (std::size_t i = 0; i <= queue_max / 2; ++i) {  // two events each
    this->world_.touch("a");
    this->world_.erase("a");
  }
  this->world_.touch("lost");
  const SeenEvents seen = this->events();
  ASSERT_EQ(seen.size(), queue_max + 1);
  EXPECT_EQ(seen.front(), (SeenEvent{WatchKind::appeared, id, "a"}));
  EXPECT_EQ(seen.back(), (SeenEvent{WatchKind::overflow, -1, ""}));
  this->world_.touch("b");
  EXPECT_EQ(this->events(), (SeenEvents{{WatchKind::appeared, id, "b"}}));
}

REGISTER_TYPED_TEST_SUITE_P(WatcherSuite, SaysNothingWhenNothingHappened, SaysWhatHappensToFiles,
                            SaysOfSubdirectoriesThatTheyAreDirectories, PairsTheTwoHalvesOfARename,
                            PairsARenameBetweenTwoDirectories, SaysHalfOfAMoveInOrOut,
                            ADirectoryHasOneWatchByWhateverName, AWriteThroughASymlinkHappensWhereTheFileIs,
                            SaysWhyADirectoryCannotBeWatched, TheWatchOfARemovedDirectoryEnds,
                            TheWatchOfAMovedDirectoryEnds, AWatchGoesOnWhenADirectoryAboveItIsMoved,
                            SaysNothingOfAWatchThatWasRemoved, TheCallbackMayAddAndRemove,
                            WritesThatFollowEachOtherAreOneEvent, KeepsTheOrderOfWritesAndRenames,
                            MutedItGathersAndWakesNobody, SaysWhenEventsWereLost);

}  // namespace tailrace
