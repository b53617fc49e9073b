// Which symlinks are followed: on the real disk. Foreign owners only root can make.
#include "base/symlinks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/file_system.h"
#include "tests/base/temporary_directory.h"

namespace tailrace {
namespace {

constexpr uid_t kUser = 12'345, kOther = 12'346;

class SymlinksTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  void file(const std::string& name, uid_t owner = 0) {
    const UniqueFd fd(::open(path(name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd);
    own(name, owner);
  }
  void directory(const std::string& name, uid_t owner = 0) {
    ASSERT_EQ(::mkdir(path(name).c_str(), 0755), 0);
    own(name, owner);
  }
  void link(const std::string& target, const std::string& name, uid_t owner = 0) {
    ASSERT_EQ(::symlink(target.c_str(), path(name).c_str()), 0);
    own(name, owner);
  }
  void own(const std::string& name, uid_t owner) {
    if (::geteuid() != 0) return;
    ASSERT_EQ(::lchown(path(name).c_str(), owner, owner), 0);
  }
  // Where it leads, shortened; or why it is not followed.
  std::string leads(const std::string& name, Symlinks symlinks = Symlinks::owner) {
    const Result<Resolved> resolved = resolve_links(path(name), symlinks);
    if (!resolved) return resolved.error().kind() == ErrorKind::refused ? "refused" : resolved.error().text();
    struct stat by_fd{}, by_path{};
    EXPECT_EQ(::fstat(resolved->fd.get(), &by_fd), 0);
    EXPECT_EQ(::stat(resolved->real_path.c_str(), &by_path), 0);
    EXPECT_EQ(by_fd.st_ino, by_path.st_ino) << name;
    const std::string& real = resolved->real_path;
    return real.starts_with(directory_.path()) ? real.substr(directory_.path().size()) : real;
  }

  TemporaryDirectory directory_;
};

TEST_F(SymlinksTest, LeadWhereRealpathSays) {
  directory("a");
  directory("a/b");
  file("a/b/f");
  link("a", "to_a");
  link(path("to_a/b"), "to_b");
  link("../../to_b/../b/./f", "a/b/to_f");
  link("loop", "loop");
  link(".", "here");
  link("/", "root");
  EXPECT_EQ(leads("a/b/f"), "/a/b/f");
  EXPECT_EQ(leads("a//b/../b/./f"), "/a/b/f");
  EXPECT_EQ(leads("to_a/b/f"), "/a/b/f");
  EXPECT_EQ(leads("to_b/f"), "/a/b/f");
  EXPECT_EQ(leads("a/b/to_f"), "/a/b/f");
  EXPECT_EQ(leads("here/here/a"), "/a");
  EXPECT_EQ(leads("root"), "/");
  EXPECT_EQ(leads("root" + path("a/b")), "/a/b");
  EXPECT_EQ(leads("loop"), "Too many levels of symbolic links");
  EXPECT_EQ(leads("a/b/f/g"), "Not a directory");
  EXPECT_EQ(leads("a/x"), "No such file or directory");
}

TEST_F(SymlinksTest, AreNotFollowedByIgnore) {
  directory("a");
  file("a/f");
  link("a", "to_a");
  link("a/f", "to_f");
  EXPECT_EQ(leads("a/f", Symlinks::ignore), "/a/f");
  EXPECT_EQ(leads("to_f", Symlinks::ignore), "refused");
  EXPECT_EQ(leads("to_a/f", Symlinks::ignore), "refused");
}

// A user who may write into a log directory sets links there.
TEST_F(SymlinksTest, OfAUserLeadToWhatIsTheUsersAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make what belongs to others";
  directory("logs", kUser);
  directory("secret");
  file("secret/shadow");
  file("logs/own", kUser);
  file("logs/others", kOther);
  directory("logs/dir", kUser);
  file("logs/dir/f", kUser);
  link("own", "logs/to_own", kUser);
  link("others", "logs/to_others", kUser);
  link("../secret/shadow", "logs/to_shadow", kUser);
  link("../secret", "logs/to_secret", kUser);
  link("to_shadow", "logs/to_to_shadow", kUser);
  link("/", "logs/to_root", kUser);
  link("..", "logs/up", kUser);
  link("dir", "logs/to_dir", kUser);
  link("logs/to_shadow", "through", 0);
  link("logs/own", "to_own", 0);
  EXPECT_EQ(leads("logs/to_own"), "/logs/own");
  EXPECT_EQ(leads("logs/to_dir/f"), "/logs/dir/f");
  EXPECT_EQ(leads("to_own"), "/logs/own") << "root's";
  EXPECT_EQ(leads("logs/to_others"), "refused");
  EXPECT_EQ(leads("logs/to_shadow"), "refused");
  EXPECT_EQ(leads("logs/to_to_shadow"), "refused") << "the second link is the user's too";
  EXPECT_EQ(leads("logs/to_secret/shadow"), "refused");
  EXPECT_EQ(leads("logs/to_root" + path("secret/shadow")), "refused");
  EXPECT_EQ(leads("logs/up/secret/shadow"), "refused");
  EXPECT_EQ(leads("through"), "refused") << "root's link leads to a user's";
  EXPECT_EQ(leads("logs/to_shadow", Symlinks::follow), "/secret/shadow");
}

TEST_F(SymlinksTest, ArePassedByNoneThatOpensWithoutLinks) {
  directory("a");
  file("a/f");
  link("a", "to_a");
  link("f", "a/to_f");
  EXPECT_TRUE(open_without_links(path("a/f"), O_RDONLY));
  for (const char* name : {"a/to_f", "to_a/f"}) {
    const Result<UniqueFd> fd = open_without_links(path(name), O_RDONLY);
    ASSERT_FALSE(fd) << name;
    EXPECT_EQ(fd.error().sys_errno(), ELOOP) << name;
  }
}

}  // namespace
}  // namespace tailrace
