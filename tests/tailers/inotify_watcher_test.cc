// inotify: WatcherSuite, and what only a kernel shows.
#include "tailers/inotify_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/tailers/temporary_directory.h"
#include "tests/tailers/watcher_suite.h"

namespace tailrace {
namespace {

class RealDirectory {
 public:
  RealDirectory() {
    auto created = InotifyWatcher::create();
    if (created) watcher_ = *std::move(created);
  }
  std::string why_not() const { return watcher_ ? "" : "no inotify instance is left"; }
  Watcher& watcher() { return *watcher_; }
  std::string path(const std::string& name) const { return name.empty() ? directory_.path() : directory_.path(name); }
  bool is_readable() {
    pollfd p{.fd = watcher_->fd(), .events = POLLIN, .revents = 0};
    return ::poll(&p, 1, 0) == 1;
  }
  std::size_t queue_max() {
    std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
    std::size_t limit = 0;
    limit_file >> limit;
    return limit > 100'000 ? 0 : limit;
  }
  void touch(const std::string& name) { ASSERT_EQ(::mknod(path(name).c_str(), S_IFREG | 0644, 0), 0); }
  void append(const std::string& name) { directory_.append(name, "x"); }
  void cut(const std::string& name) { std::filesystem::resize_file(path(name), 0); }
  void make(const std::string& name) { directory_.directory(name); }
  void move(const std::string& from, const std::string& to) { directory_.rename(from, to); }
  void erase(const std::string& name) { directory_.remove(name); }
  void link(const std::string& existing, const std::string& name) {
    std::filesystem::create_hard_link(path(existing), path(name));
  }
  void symlink(const std::string& target, const std::string& name) { directory_.link(target, name); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<InotifyWatcher> watcher_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Real, WatcherSuite, RealDirectory);

using Kind = WatchEvent::Kind;

struct Seen {
  Kind kind;
  std::string name;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << static_cast<int>(seen.kind) << ":" << seen.name;
}

// The kernel queues an event before the call that caused it returns: nothing here needs to wait.
class InotifyWatcherTest : public testing::Test {
 protected:
  void SetUp() override {
    auto created = InotifyWatcher::create();
    ASSERT_TRUE(created) << created.error().text();
    watcher_ = *std::move(created);
  }

  WatchId watch(const std::string& path) {
    const Result<WatchId> id = watcher_->add(path);
    EXPECT_TRUE(id) << (id ? "" : id.error().text());
    return id ? *id : -1;
  }

  std::vector<Seen> events() {
    std::vector<Seen> seen;
    raw_.clear();
    watcher_->read_events([&](const WatchEvent& event) {
      seen.push_back({event.kind, std::string(event.name)});
      raw_.push_back(event);
      raw_.back().name = {};
    });
    return seen;
  }

  bool is_readable() const {
    pollfd p{.fd = watcher_->fd(), .events = POLLIN, .revents = 0};
    return ::poll(&p, 1, 0) == 1;
  }

  UniqueFd open(const std::string& name, int flags = O_WRONLY | O_CREAT | O_APPEND) const {
    return UniqueFd(::open(directory_.path(name).c_str(), flags | O_CLOEXEC, 0644));
  }

  static void write(const UniqueFd& fd) { ASSERT_EQ(::write(fd.get(), "x", 1), 1); }

  using Events = std::vector<Seen>;
  TemporaryDirectory directory_;
  std::unique_ptr<InotifyWatcher> watcher_;
  std::vector<WatchEvent> raw_;  // of the last events(), without names
};

TEST_F(InotifyWatcherTest, SaysWhatHappensToFiles) {
  const WatchId id = watch(directory_.path());
  directory_.append("a");
  EXPECT_TRUE(is_readable());
  EXPECT_EQ(events(), (Events{{Kind::appeared, "a"}, {Kind::modified, "a"}}));
  EXPECT_EQ(raw_[0].watch, id);
  EXPECT_FALSE(raw_[0].is_directory);
  std::filesystem::resize_file(directory_.path("a"), 0);
  EXPECT_EQ(events(), (Events{{Kind::modified, "a"}}));
  ASSERT_EQ(::link(directory_.path("a").c_str(), directory_.path("hard").c_str()), 0);
  EXPECT_EQ(events(), (Events{{Kind::appeared, "hard"}}));
  ASSERT_EQ(::chmod(directory_.path("a").c_str(), 0600), 0);
  EXPECT_EQ(events(), (Events{{Kind::attributes, "a"}}));
  directory_.remove("a");
  EXPECT_EQ(events(), (Events{{Kind::removed, "a"}}));
  directory_.directory("sub");
  EXPECT_EQ(events(), (Events{{Kind::appeared, "sub"}}));
  EXPECT_TRUE(raw_[0].is_directory);
}

TEST_F(InotifyWatcherTest, SaysWhyADirectoryCannotBeWatched) {
  directory_.append("file");
  EXPECT_EQ(watcher_->add(directory_.path("file")).error().kind(), ErrorKind::bad_input);
  const Result<WatchId> missing = watcher_->add(directory_.path("missing"));
  EXPECT_EQ(missing.error().kind(), ErrorKind::not_found);
  EXPECT_NE(missing.error().text().find("missing"), std::string::npos);
}

// A deleted file is read to its end: its writer may go on.
TEST_F(InotifyWatcherTest, ReportsWritesToADeletedFileUnderItsLastName) {
  watch(directory_.path());
  const UniqueFd fd = open("a");
  directory_.remove("a");
  events();
  write(fd);
  EXPECT_EQ(events(), (Events{{Kind::modified, "a"}}));
}

TEST_F(InotifyWatcherTest, ReportsARemovedDirectoryOnlyWhenItsLastFileIsClosed) {
  directory_.directory("sub");
  watch(directory_.path());
  const WatchId id = watch(directory_.path("sub"));
  UniqueFd fd = open("sub/a");
  events();
  directory_.remove("sub");
  EXPECT_EQ(events(), (Events{{Kind::removed, "a"}, {Kind::removed, "sub"}}));
  fd.reset();
  EXPECT_EQ(events(), (Events{{Kind::directory_gone, ""}}));
  EXPECT_EQ(raw_[0].watch, id);
}

TEST_F(InotifyWatcherTest, HandsOutOneEventForAFileThatIsWrittenAgainAndAgain) {
  const UniqueFd a = open("a"), b = open("b");
  watch(directory_.path());
  for (int i = 0; i < 500; ++i) {
    write(a);
    write(b);
  }
  EXPECT_EQ(events(), (Events{{Kind::modified, "a"}, {Kind::modified, "b"}}));
}

// "modified a" before and after the rename are two files: they are not one event.
TEST_F(InotifyWatcherTest, KeepsTheOrderOfWritesAndRenames) {
  const UniqueFd a = open("a");
  watch(directory_.path());
  write(a);
  directory_.rename("a", "b");
  const UniqueFd fresh = open("a");
  write(fresh);
  write(a);
  EXPECT_EQ(events(), (Events{{Kind::modified, "a"},
                              {Kind::moved_from, "a"},
                              {Kind::moved_to, "b"},
                              {Kind::appeared, "a"},
                              {Kind::modified, "a"},
                              {Kind::modified, "b"}}));
}

TEST_F(InotifyWatcherTest, BoundsACallAndSaysWhenEventsWereLost) {
  std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
  int limit = 0;
  limit_file >> limit;
  if (limit <= 0 || limit > 100'000) GTEST_SKIP() << "fs.inotify.max_queued_events is " << limit;
  watch(directory_.path());
  const std::string long_name(240, 'n');
  for (int i = 0; i <= limit / 2; ++i) {  // two events each
    const std::string path = directory_.path(long_name);
    ASSERT_EQ(::mknod(path.c_str(), S_IFREG | 0644, 0), 0);
    ASSERT_EQ(::unlink(path.c_str()), 0);
  }
  std::size_t total = events().size();
  EXPECT_LE(total * (sizeof(std::uint32_t) * 4 + long_name.size()), std::size_t{1024 * 1024});
  EXPECT_TRUE(is_readable());
  Kind last = Kind::appeared;
  while (is_readable()) {
    const Events more = events();
    ASSERT_FALSE(more.empty());
    total += more.size();
    last = more.back().kind;
  }
  EXPECT_EQ(last, Kind::overflow);
  EXPECT_EQ(total, static_cast<std::size_t>(limit) + 1);
}

}  // namespace
}  // namespace tailrace
