// The simulated watcher: WatcherSuite, and its fault model.
#include "tests/sim/sim_watcher.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/tailers/watcher_suite.h"

namespace tailrace {
namespace {

class SimulatedDirectory {
 public:
  SimulatedDirectory() {
    disk_.make("/d");
    watcher_.set_queue_max(20);
  }
  std::string why_not() const { return ""; }
  Watcher& watcher() { return watcher_; }
  std::string path(const std::string& name) const { return name.empty() ? "/d" : "/d/" + name; }
  bool is_readable() { return watcher_.is_readable(); }
  std::size_t queue_max() { return 20; }
  void touch(const std::string& name) { disk_.append(path(name), ""); }
  void append(const std::string& name) {
    disk_.make(path(name).substr(0, path(name).rfind('/')));
    disk_.append(path(name), "x");
  }
  void cut(const std::string& name) { disk_.cut(path(name)); }
  void make(const std::string& name) { disk_.make(path(name)); }
  void move(const std::string& from, const std::string& to) { disk_.move(path(from), path(to)); }
  void erase(const std::string& name) { disk_.erase(path(name)); }
  void link(const std::string& existing, const std::string& name) { disk_.link(path(existing), path(name)); }
  void symlink(const std::string& target, const std::string& name) { disk_.symlink(target, path(name)); }

 private:
  SimFileSystem disk_;
  SimWatcher watcher_{disk_};
};
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, WatcherSuite, SimulatedDirectory);

class SimWatcherTest : public testing::Test {
 protected:
  SimWatcherTest() { disk.make("/d/sub"); }
  std::size_t events() {
    std::size_t n = 0;
    watcher.read_events([&n](const WatchEvent&) { ++n; });
    return n;
  }
  SimFileSystem disk;
  SimWatcher watcher{disk};
};

// fs.inotify.max_user_watches: what is watched stays so, one more is refused, and one that ends makes room.
TEST_F(SimWatcherTest, WatchesRunOut) {
  watcher.set_watch_limit(1);
  const Result<WatchId> id = watcher.add("/d");
  ASSERT_TRUE(id);
  EXPECT_EQ(*watcher.add("/d"), *id);
  EXPECT_EQ(watcher.add("/d/sub").error().kind(), ErrorKind::no_space);
  watcher.remove(*id);
  EXPECT_TRUE(watcher.add("/d/sub"));
}

TEST_F(SimWatcherTest, HeldEventsComeLateAndDroppedOnesNever) {
  ASSERT_TRUE(watcher.add("/d"));
  watcher.hold(true);
  disk.append("/d/a", "");
  EXPECT_FALSE(watcher.is_readable());
  EXPECT_EQ(events(), 0u);
  watcher.hold(false);
  EXPECT_EQ(events(), 1u);
  disk.append("/d/b", "");
  watcher.drop_queue();
  EXPECT_EQ(events(), 0u);
}

}  // namespace
}  // namespace tailrace
