#include "tailers/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/tailers/temporary_directory.h"

namespace tailrace {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

// The real disk, whose stats are counted and whose paths may be made to fail (root is refused nothing).
class WatchedFileSystem final : public FileSystem {
 public:
  std::map<std::string, ErrorKind> list_fails, stat_fails;
  std::multiset<std::string> stats;  // paths

  Result<FileStat> stat(const std::string& path) override {
    stats.insert(path);
    if (const auto fails = stat_fails.find(path); fails != stat_fails.end())
      return Error(fails->second, "made to fail");
    return real_.stat(path);
  }
  Result<FileStat> stat_no_follow(const std::string& path) override {
    stats.insert(path);
    if (const auto fails = stat_fails.find(path); fails != stat_fails.end())
      return Error(fails->second, "made to fail");
    return real_.stat_no_follow(path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    if (const auto fails = list_fails.find(path); fails != list_fails.end())
      return Error(fails->second, "made to fail");
    auto entries = real_.list(path);
    if (entries && hides_types) {
      for (DirectoryEntry& entry : *entries) entry.type = FileType::other;
    }
    return entries;
  }
  bool hides_types = false;  // like a file system that fills in no d_type

  Result<UniqueFd> open_read(const std::string& path) override { return real_.open_read(path); }
  Result<UniqueFd> open_write(const std::string& path, bool create) override { return real_.open_write(path, create); }
  Result<UniqueFd> open_directory(const std::string& path) override { return real_.open_directory(path); }
  Result<FileStat> stat_fd(int fd) override { return real_.stat_fd(fd); }
  Result<std::string> real_path(const std::string& path) override { return real_.real_path(path); }
  Result<Notifies> notifies(const std::string& path) override { return real_.notifies(path); }
  Result<std::size_t> read_at(int fd, std::span<std::byte> into, std::uint64_t offset) override {
    return real_.read_at(fd, into, offset);
  }
  Status write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) override {
    return real_.write_at(fd, from, offset);
  }
  Status allocate(int fd, std::uint64_t bytes) override { return real_.allocate(fd, bytes); }
  Status truncate(int fd, std::uint64_t bytes) override { return real_.truncate(fd, bytes); }
  Status sync_data(int fd) override { return real_.sync_data(fd); }
  Status sync_directory(const std::string& path) override { return real_.sync_directory(path); }
  Status rename(const std::string& from, const std::string& to) override { return real_.rename(from, to); }
  Status remove(const std::string& path) override { return real_.remove(path); }
  Status make_directories(const std::string& path) override { return real_.make_directories(path); }
  Result<UniqueFd> open_in(int directory, const std::string& name, OpenIn how) override {
    return real_.open_in(directory, name, how);
  }
  Status rename_in(int directory, const std::string& from, const std::string& to) override {
    return real_.rename_in(directory, from, to);
  }
  Status remove_in(int directory, const std::string& name) override { return real_.remove_in(directory, name); }
  Status make_directory_in(int directory, const std::string& name) override {
    return real_.make_directory_in(directory, name);
  }
  Status sync_directory_in(int directory) override { return real_.sync_directory_in(directory); }
  Status set_mode(int fd, std::uint32_t mode) override { return real_.set_mode(fd, mode); }
  Status lock(int fd) override { return real_.lock(fd); }

 private:
  SystemFileSystem real_;
};

class Discovery : public testing::Test {
 protected:
  Glob glob(std::string_view pattern) const {
    Result<Glob> parsed = Glob::parse(pattern);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
    return *std::move(parsed);
  }

  // Patterns that begin with "/" are below the test's directory.
  Patterns patterns(const std::vector<std::string>& include, const std::vector<std::string>& exclude = {}) const {
    Patterns all;
    for (const std::string& text : include) all.include.push_back(glob(root() + text));
    for (const std::string& text : exclude) all.exclude.push_back(glob(text.starts_with("/") ? root() + text : text));
    return all;
  }

  Found found(const std::vector<std::string>& include, const std::vector<std::string>& exclude = {}) {
    return discover(files_, patterns(include, exclude));
  }

  // Without the test's directory in front.
  std::string shortened(const std::string& path) const {
    return path.starts_with(root()) ? path.substr(root().size()) : path;
  }
  std::vector<std::string> paths(const Found& all) const {
    std::vector<std::string> out;
    for (const FoundFile& file : all.files) out.push_back(shortened(file.path));
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> directories(const Found& all) const {
    std::vector<std::string> out;
    for (const std::string& directory : all.directories) out.push_back(shortened(directory));
    return out;
  }
  std::vector<std::string> skipped(const Found& all) const {
    std::vector<std::string> out;
    for (const SkippedFile& file : all.skipped) out.push_back(shortened(file.path) + ": " + file.reason);
    std::sort(out.begin(), out.end());
    return out;
  }

  const std::string& root() const { return directory_.path(); }

  TemporaryDirectory directory_;
  WatchedFileSystem files_;
};

TEST_F(Discovery, FindsWhatMatchesAndWatchesWhereAMatchMayAppear) {
  directory_.append("app/a.log");
  directory_.append("app/b.txt");
  directory_.append("app/x/y/c.log");
  directory_.append("other/d.log");
  directory_.directory("app/empty");
  const Found all = found({"/app/**/*.log"});
  EXPECT_THAT(paths(all), ElementsAre("/app/a.log", "/app/x/y/c.log"));
  EXPECT_THAT(directories(all), ElementsAre("/app", "/app/empty", "/app/x", "/app/x/y"));
  EXPECT_THAT(all.skipped, IsEmpty());
  EXPECT_THAT(all.aliases, IsEmpty());
  EXPECT_EQ(all.files[0].real_path, all.files[0].path);
  EXPECT_EQ(all.files[0].stat.size, 2u);
}

TEST_F(Discovery, EntersOnlyDirectoriesBelowWhichAMatchIsPossible) {
  directory_.append("l/a1/x/f");
  directory_.append("l/b1/x/f");
  directory_.append("l/a1/y/f");
  directory_.append("l/a1/x/deeper/f");
  const Found all = found({"/l/a*/x/*"});
  EXPECT_THAT(paths(all), ElementsAre("/l/a1/x/f"));
  EXPECT_THAT(directories(all), ElementsAre("/l", "/l/a1", "/l/a1/x"));
}

TEST_F(Discovery, LeavesOutWhatIsExcludedByNameOrByPath) {
  directory_.append("l/a.log");
  directory_.append("l/a.log.gz");
  directory_.append("l/debug/b.log");
  directory_.append("l/x/debug/c.log");
  EXPECT_THAT(paths(found({"/l/**/*"}, {"*.gz", "/l/debug/**"})), ElementsAre("/l/a.log", "/l/x/debug/c.log"));
  EXPECT_THAT(paths(found({"/l/**/*"}, {"**/debug/*"})), ElementsAre("/l/a.log", "/l/a.log.gz"));
}

TEST_F(Discovery, SortsByAgeThenPath) {
  const timespec old_time[2] = {{.tv_sec = 1'000, .tv_nsec = 0}, {.tv_sec = 1'000, .tv_nsec = 0}};
  const timespec new_time[2] = {{.tv_sec = 2'000, .tv_nsec = 0}, {.tv_sec = 2'000, .tv_nsec = 0}};
  for (const char* name : {"l/1", "l/2", "l/3"}) directory_.append(name);
  ASSERT_EQ(::utimensat(AT_FDCWD, directory_.path("l/1").c_str(), new_time, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, directory_.path("l/2").c_str(), old_time, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, directory_.path("l/3").c_str(), old_time, 0), 0);
  std::vector<std::string> order;
  for (const FoundFile& file : found({"/l/*"}).files) order.push_back(shortened(file.path));
  EXPECT_THAT(order, ElementsAre("/l/2", "/l/3", "/l/1"));
}

TEST_F(Discovery, AsksOnlyAboutNamesThatMatch) {
  for (int i = 0; i < 500; ++i) directory_.append("l/other" + std::to_string(i));
  directory_.append("l/a.log");
  EXPECT_EQ(found({"/l/*.log"}).files.size(), 1u);
  const auto in_l = [&](const std::string& path) { return path.starts_with(root() + "/l/"); };
  EXPECT_EQ(std::ranges::count_if(files_.stats, in_l), 1) << "the one that matches";
}

TEST_F(Discovery, FindsAFileThatTwoPatternsNameOnce) {
  directory_.append("l/x/a.log");
  EXPECT_THAT(paths(found({"/l/**/*.log", "/l/x/*.log", "/l/x/a.*", "/{l,l}/x/*"})), ElementsAre("/l/x/a.log"));
}

TEST_F(Discovery, FollowsLinksToFilesAndWatchesBothEnds) {
  directory_.append("pods/1/0.log");
  directory_.link("../pods/1/0.log", "containers/a.log");
  const Found all = found({"/containers/*.log"});
  ASSERT_THAT(paths(all), ElementsAre("/containers/a.log"));
  EXPECT_EQ(shortened(all.files[0].real_path), "/pods/1/0.log");
  EXPECT_EQ(all.files[0].stat.type, FileType::regular);
  EXPECT_THAT(directories(all), ElementsAre("/containers", "/pods/1"));
  EXPECT_THAT(all.names_of(root() + "/pods/1"), ElementsAre(root() + "/pods/1"));
  EXPECT_THAT(all.names_of(root() + "/containers"), ElementsAre(root() + "/containers"));
}

TEST_F(Discovery, FindsAFileUnderEachOfItsNames) {
  directory_.append("l/a.log");
  directory_.link("a.log", "l/b.log");
  ASSERT_EQ(::link(directory_.path("l/a.log").c_str(), directory_.path("l/c.log").c_str()), 0);
  const Found all = found({"/l/*"});
  EXPECT_THAT(paths(all), ElementsAre("/l/a.log", "/l/b.log", "/l/c.log"));
  EXPECT_EQ(all.files[0].stat.inode, all.files[1].stat.inode);
}

TEST_F(Discovery, FollowsLinksToDirectories) {
  directory_.append("data/x/a.log");
  directory_.link("../data", "l/link");
  const Found all = found({"/l/**/*.log"});
  ASSERT_THAT(paths(all), ElementsAre("/l/link/x/a.log"));
  EXPECT_EQ(shortened(all.files[0].real_path), "/data/x/a.log");
  EXPECT_THAT(directories(all), ElementsAre("/data", "/data/x", "/l"));
  EXPECT_THAT(all.names_of(root() + "/data/x"), ElementsAre(root() + "/data/x", root() + "/l/link/x"));
}

TEST_F(Discovery, EntersNoDirectoryTwiceAndPrefersItsOwnName) {
  directory_.append("l/z/a.log");
  directory_.link("z", "l/a");
  directory_.link("../..", "l/z/up");
  directory_.link(".", "l/self");
  EXPECT_THAT(paths(found({"/l/**/*.log"})), ElementsAre("/l/z/a.log"));
}

// The same directory under two prefixes: each pattern sees it by its own name.
TEST_F(Discovery, WalksADirectoryForEachPrefixThatNamesIt) {
  directory_.append("data/a.log");
  directory_.append("data/b.txt");
  directory_.link("data", "link");
  const Found all = found({"/data/*.log", "/link/*.txt"});
  EXPECT_THAT(paths(all), ElementsAre("/data/a.log", "/link/b.txt"));
  EXPECT_THAT(directories(all), ElementsAre("", "/data"));
}

TEST_F(Discovery, WatchesTheDirectoryOfALinkOnTheWayToThePrefix) {
  directory_.append("releases/1/log/a.log");
  directory_.link("../releases/1", "app/current");
  const Found all = found({"/app/current/log/*.log"});
  ASSERT_THAT(paths(all), ElementsAre("/app/current/log/a.log"));
  EXPECT_THAT(directories(all), ElementsAre("/app", "/releases/1/log"));
  EXPECT_TRUE(patterns({"/app/current/log/*.log"}).may_match_below(root() + "/app/current"));
}

TEST_F(Discovery, WatchesTheNearestAncestorOfAPrefixThatIsNotThere) {
  EXPECT_THAT(directories(found({"/not/yet/there/*.log"})), ElementsAre(""));
  directory_.directory("not");
  EXPECT_THAT(directories(found({"/not/yet/there/*.log"})), ElementsAre("/not"));
  directory_.append("not/yet");  // a file in the way
  EXPECT_THAT(directories(found({"/not/yet/there/*.log"})), ElementsAre("/not"));
  const Found all = found({"/not/yet/there/*.log"});
  EXPECT_THAT(all.files, IsEmpty());
  EXPECT_THAT(all.skipped, IsEmpty());
}

TEST_F(Discovery, ReportsWhatMatchesAndIsNoRegularFile) {
  directory_.append("l/a");
  directory_.directory("l/directory");
  ASSERT_EQ(::mkfifo(directory_.path("l/fifo").c_str(), 0644), 0);
  directory_.link("fifo", "l/link_to_fifo");
  directory_.link("/dev/null", "l/link_to_device");
  directory_.link("nowhere", "l/dangling");
  directory_.link("loop", "l/loop");
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  directory_.path("l/socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const Found all = found({"/l/*"});
  EXPECT_THAT(paths(all), ElementsAre("/l/a"));
  EXPECT_THAT(
      skipped(all),
      ElementsAre("/l/dangling: No such file or directory", "/l/fifo: not a regular file: a FIFO",
                  "/l/link_to_device: not a regular file: a device", "/l/link_to_fifo: not a regular file: a FIFO",
                  "/l/loop: Too many levels of symbolic links", "/l/socket: not a regular file: a socket"));
  for (const SkippedFile& file : all.skipped) {
    if (file.reason.starts_with("not a regular")) {
      EXPECT_EQ(file.kind, ErrorKind::bad_input) << file.path;
    }
  }
}

TEST_F(Discovery, SkipsWhatItMayNotEnterOrLookAt) {
  directory_.append("l/a.log");
  directory_.append("l/b.log");
  directory_.append("l/closed/c.log");
  files_.stat_fails[root() + "/l/b.log"] = ErrorKind::permission;
  files_.list_fails[root() + "/l/closed"] = ErrorKind::permission;
  const Found all = found({"/l/**/*.log"});
  EXPECT_THAT(paths(all), ElementsAre("/l/a.log"));
  EXPECT_THAT(skipped(all), ElementsAre("/l/b.log: made to fail", "/l/closed: made to fail"));
  EXPECT_EQ(all.skipped[0].kind, ErrorKind::permission);
  EXPECT_THAT(directories(all), ElementsAre("/l"));
}

TEST_F(Discovery, WatchesAboveAPrefixThatItMayNotList) {
  directory_.append("l/a.log");
  files_.list_fails[root() + "/l"] = ErrorKind::permission;
  const Found all = found({"/l/*.log"});
  EXPECT_THAT(directories(all), ElementsAre(""));
  EXPECT_THAT(skipped(all), ElementsAre("/l: made to fail"));
}

// By device and inode: not under its own path alone, and not only where a walk comes by.
TEST_F(Discovery, NeverFindsWhatIsInTheAgentsOwnDirectory) {
  directory_.append("l/a.log");
  directory_.append("l/state/checkpoints");
  directory_.append("l/state/rejected/b.log");
  ASSERT_EQ(::symlink((root() + "/l/state").c_str(), (root() + "/l/other").c_str()), 0);
  ASSERT_EQ(::symlink((root() + "/l/state/checkpoints").c_str(), (root() + "/l/link.log").c_str()), 0);
  ASSERT_EQ(::symlink((root() + "/l").c_str(), (root() + "/to_l").c_str()), 0);
  for (const std::vector<std::string>& include :
       std::vector<std::vector<std::string>>{{"/l/**/*"},
                                             {"/l/state/*", "/l/a.log"},
                                             {"/l/state/rejected/*.log", "/l/a.log"},
                                             {"/l/state/not_there/*.log", "/l/a.log"},
                                             {"/l/other/*", "/l/a.log"},
                                             {"/l/state/checkpoints", "/l/a.log"},
                                             {"/l/*.log"}}) {
    Patterns all = patterns(include);
    all.own_directory = root() + "/to_l/state";
    const Found only = discover(files_, all);
    EXPECT_THAT(paths(only), ElementsAre("/l/a.log")) << include[0];
    EXPECT_THAT(directories(only), Not(Contains(testing::StartsWith("/l/state")))) << include[0];
  }
}

TEST_F(Discovery, LeavesOutWhatVanishesDuringTheWalk) {
  directory_.append("l/a.log");
  directory_.append("l/x/b.log");
  files_.stat_fails[root() + "/l/a.log"] = ErrorKind::not_found;
  files_.list_fails[root() + "/l/x"] = ErrorKind::not_found;
  const Found all = found({"/l/**/*.log"});
  EXPECT_THAT(all.files, IsEmpty());
  EXPECT_THAT(all.skipped, IsEmpty());
}

TEST_F(Discovery, TakesNamesOfAnyBytes) {
  const std::string name = "l/\xff\n *?[\\.log";
  directory_.append(name);
  EXPECT_THAT(paths(found({"/l/*.log"})), ElementsAre("/" + name));
}

TEST_F(Discovery, ManagesWithoutTheTypesOfDirectoryEntries) {
  directory_.append("l/a.log");
  directory_.append("l/x/b.log");
  directory_.link("../elsewhere/c.log", "l/c.log");
  directory_.append("elsewhere/c.log");
  directory_.link("../elsewhere", "l/y");
  files_.hides_types = true;
  const Found all = found({"/l/**/*.log"});
  EXPECT_THAT(paths(all), ElementsAre("/l/a.log", "/l/c.log", "/l/x/b.log", "/l/y/c.log"));
  EXPECT_THAT(directories(all), ElementsAre("/elsewhere", "/l", "/l/x"));
}

TEST_F(Discovery, LooksAtOneDirectoryOnly) {
  directory_.append("l/a.log");
  directory_.append("l/b.txt");
  directory_.append("l/x/c.log");
  const Found all = discover_directory(files_, patterns({"/l/**/*.log"}), root() + "/l");
  EXPECT_THAT(paths(all), ElementsAre("/l/a.log"));
  EXPECT_THAT(directories(all), ElementsAre("/l"));
  const Found none = discover_directory(files_, patterns({"/l/**/*.log"}), root() + "/gone");
  EXPECT_THAT(none.files, IsEmpty());
  ASSERT_EQ(none.skipped.size(), 1u);
  EXPECT_EQ(none.skipped[0].kind, ErrorKind::not_found);
}

// The way from an event to its file: the directory's real path, then the names under which the patterns see it.
TEST_F(Discovery, LooksAtALinkedDirectoryUnderTheNameThatPatternsUse) {
  directory_.append("data/a.log");
  directory_.link("data", "l");
  const Patterns wanted = patterns({"/l/*.log"});
  const Found all = discover(files_, wanted);
  directory_.append("data/b.log");
  std::vector<std::string> seen;
  for (const std::string& name : all.names_of(root() + "/data")) {
    for (const std::string& path : paths(discover_directory(files_, wanted, name))) seen.push_back(path);
  }
  EXPECT_THAT(seen, ElementsAre("/l/a.log", "/l/b.log"));
}

}  // namespace
}  // namespace tailrace
