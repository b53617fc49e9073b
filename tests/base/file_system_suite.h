// FileSystemSuite: what every FileSystem promises, run alike on the kernel's and on the simulated one.
//
// The type parameter is a world: a disk with an empty directory on it, and a writer of its own.
//
//   struct World {
//     FileSystem& files();
//     std::string root();                                                  // of the empty directory
//     void append(const std::string& path, const std::string& bytes);      // makes the file when it is not there
//     void link(const std::string& existing, const std::string& name);
//     void symlink(const std::string& target, const std::string& name);
//     void erase_directory(const std::string& path);                       // an empty one
//   };
//
// What it leaves open, since file systems differ: inode numbers that come again once nobody holds them, what is
// allocated on disk, size and links of directories, how fine modification times are.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"

namespace tailrace {

template <class World>
class FileSystemSuite : public ::testing::Test {
 protected:
  FileSystem& files() { return world_.files(); }
  std::string at(const std::string& name) { return world_.root() + "/" + name; }

  // Each is 0 when the call succeeds.
  template <class Answer>
  static int errno_of(const Answer& answer) {
    return answer ? 0 : answer.error().sys_errno();
  }

  std::string put(const std::string& name, const std::string& bytes = "x") {
    world_.append(at(name), bytes);
    return at(name);
  }
  std::string directory(const std::string& name) {
    EXPECT_TRUE(files().make_directories(at(name)));
    return at(name);
  }
  UniqueFd open(const std::string& path) {
    Result<UniqueFd> fd = files().open_read(path);
    EXPECT_TRUE(fd) << path;
    return fd ? std::move(*fd) : UniqueFd();
  }
  UniqueFd open_write(const std::string& path) {
    Result<UniqueFd> fd = files().open_write(path, true);
    EXPECT_TRUE(fd) << path;
    return fd ? std::move(*fd) : UniqueFd();
  }
  Status write(const UniqueFd& fd, const std::string& bytes, std::uint64_t offset) {
    return files().write_at(fd.get(), std::as_bytes(std::span(bytes)), offset);
  }
  // What a read gives, or "errno N".
  std::string read(const UniqueFd& fd, std::size_t bytes = 1'000'000, std::uint64_t offset = 0) {
    std::vector<std::byte> into(bytes);
    const Result<std::size_t> n = files().read_at(fd.get(), into, offset);
    if (!n) return "errno " + std::to_string(n.error().sys_errno());
    return {reinterpret_cast<const char*>(into.data()), *n};
  }
  std::string content(const std::string& path) { return read(open(path)); }
  FileStat stat(const std::string& path) {
    const Result<FileStat> found = files().stat(path);
    EXPECT_TRUE(found) << path;
    return found ? *found : FileStat();
  }
  std::vector<std::string> names(const std::string& path) {
    const Result<std::vector<DirectoryEntry>> entries = files().list(path);
    EXPECT_TRUE(entries) << path;
    std::vector<std::string> found;
    for (const DirectoryEntry& entry : *entries) found.push_back(entry.name);
    std::sort(found.begin(), found.end());
    return found;
  }

  using Names = std::vector<std::string>;
  World world_;
};

TYPED_TEST_SUITE_P(FileSystemSuite);

// Nothing has that name: each call that needs it says ENOENT, and so does one that needs the directory above it.
TYPED_TEST_P(FileSystemSuite, WhatIsNotThereIsNotFound) {
  const std::string there = this->put("a");
  for (const std::string& none : {this->at("none"), this->at("none/below"), std::string()}) {
    EXPECT_EQ(this->errno_of(this->files().open_read(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().open_write(none, false)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().open_directory(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().stat(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().stat_no_follow(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().list(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().real_path(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().notifies(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().remove(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().sync_directory(none)), ENOENT) << none;
    EXPECT_EQ(this->errno_of(this->files().rename(none, there)), ENOENT) << none;
  }
  EXPECT_EQ(this->errno_of(this->files().open_write(this->at("none/below"), true)), ENOENT);
  EXPECT_EQ(this->errno_of(this->files().rename(there, this->at("none/below"))), ENOENT);
  EXPECT_EQ(this->errno_of(this->files().make_directories("")), ENOENT);
  EXPECT_EQ(this->names(this->world_.root()), (typename TestFixture::Names{"a"}));
}

// A file stands where a path needs a directory.
TYPED_TEST_P(FileSystemSuite, WhatLiesBelowAFileIsNoDirectory) {
  const std::string file = this->put("a");
  const std::string below = file + "/below";
  EXPECT_EQ(this->errno_of(this->files().open_read(below)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().open_write(below, true)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().open_directory(file)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().stat(below)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().list(file)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().remove(below)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().rename(this->put("b"), below)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().make_directories(file)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().make_directories(below)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().sync_directory(file)), ENOTDIR);
}

// A directory stands where a call needs a file. It can be opened for reading, and that is all.
TYPED_TEST_P(FileSystemSuite, ADirectoryIsNoFile) {
  const std::string path = this->directory("sub");
  EXPECT_EQ(this->errno_of(this->files().open_write(path, true)), EISDIR);
  EXPECT_EQ(this->errno_of(this->files().remove(path)), EISDIR);
  EXPECT_EQ(this->read(this->open(path)), "errno " + std::to_string(EISDIR));
  EXPECT_EQ(this->stat(path).type, FileType::directory);
  const Result<UniqueFd> fd = this->files().open_directory(path);
  ASSERT_TRUE(fd);
  EXPECT_EQ(this->files().stat_fd(fd->get())->type, FileType::directory);
  EXPECT_EQ(this->errno_of(this->write(*fd, "x", 0)), EBADF);
}

TYPED_TEST_P(FileSystemSuite, ABadDescriptorIsAnErrnoForEveryCall) {
  std::byte byte{};
  for (const int fd : {-1, 999'999}) {
    EXPECT_EQ(this->errno_of(this->files().stat_fd(fd)), EBADF);
    EXPECT_EQ(this->errno_of(this->files().read_at(fd, {&byte, 1}, 0)), EBADF);
    EXPECT_EQ(this->errno_of(this->files().write_at(fd, {&byte, 1}, 0)), EBADF);
    EXPECT_EQ(this->errno_of(this->files().allocate(fd, 1)), EBADF);
    EXPECT_EQ(this->errno_of(this->files().truncate(fd, 1)), EBADF);
    EXPECT_EQ(this->errno_of(this->files().sync_data(fd)), EBADF);
    EXPECT_EQ(this->errno_of(this->files().lock(fd)), EBADF);
  }
}

// A descriptor that was opened for reading changes nothing; to sync the file it is good enough.
TYPED_TEST_P(FileSystemSuite, AReadersDescriptorChangesNothing) {
  const std::string path = this->put("a", "text");
  const UniqueFd fd = this->open(path);
  EXPECT_EQ(this->errno_of(this->write(fd, "x", 0)), EBADF);
  EXPECT_EQ(this->errno_of(this->files().allocate(fd.get(), 100)), EBADF);
  EXPECT_EQ(this->errno_of(this->files().truncate(fd.get(), 0)), EINVAL);
  EXPECT_TRUE(this->files().sync_data(fd.get()));
  EXPECT_EQ(this->content(path), "text");
}

TYPED_TEST_P(FileSystemSuite, ReadsAreShortOnlyAtTheEnd) {
  const UniqueFd fd = this->open(this->put("a", "0123456789"));
  EXPECT_EQ(this->read(fd, 4, 2), "2345");
  EXPECT_EQ(this->read(fd, 100, 4), "456789");
  EXPECT_EQ(this->read(fd, 100, 10), "");
  EXPECT_EQ(this->read(fd, 100, 1'000'000), "");
  EXPECT_EQ(this->read(fd, 0, 0), "");
  this->put("a", "ab");  // the writer goes on, and an open descriptor sees it
  EXPECT_EQ(this->read(fd, 100, 8), "89ab");
}

TYPED_TEST_P(FileSystemSuite, WritesGoWhereTheyAreTold) {
  const std::string path = this->put("a", "old text");
  const UniqueFd fd = this->open_write(path);
  EXPECT_EQ(this->content(path), "old text");  // opening it cuts nothing
  ASSERT_TRUE(this->write(fd, "new", 0));
  ASSERT_TRUE(this->write(fd, "end", 10));
  EXPECT_EQ(this->read(fd), std::string("new text\0\0end", 13));  // what nobody wrote reads as zeros
  ASSERT_TRUE(this->write(fd, "", 100));
  EXPECT_EQ(this->files().stat_fd(fd.get())->size, 13u);
}

TYPED_TEST_P(FileSystemSuite, TruncateCutsAndMakesLonger) {
  const std::string path = this->put("a", "0123456789");
  const UniqueFd fd = this->open_write(path);
  const UniqueFd reader = this->open(path);
  const std::uint64_t inode = this->stat(path).inode;
  ASSERT_TRUE(this->files().truncate(fd.get(), 4));
  EXPECT_EQ(this->read(reader), "0123");
  EXPECT_EQ(this->read(reader, 10, 6), "");
  ASSERT_TRUE(this->files().truncate(fd.get(), 6));
  EXPECT_EQ(this->read(reader), std::string("0123\0\0", 6));
  EXPECT_EQ(this->stat(path).size, 6u);
  EXPECT_EQ(this->stat(path).inode, inode);
}

TYPED_TEST_P(FileSystemSuite, AllocateMakesLongerByZerosAndNeverCuts) {
  const UniqueFd fd = this->open_write(this->at("journal"));
  ASSERT_TRUE(this->write(fd, "record", 0));
  ASSERT_TRUE(this->files().allocate(fd.get(), 8192));
  EXPECT_EQ(this->read(fd), "record" + std::string(8192 - 6, '\0'));
  ASSERT_TRUE(this->files().allocate(fd.get(), 10));
  EXPECT_EQ(this->files().stat_fd(fd.get())->size, 8192u);
}

TYPED_TEST_P(FileSystemSuite, SyncsOfWhatIsThereSucceed) {
  const UniqueFd fd = this->open_write(this->at("journal"));
  ASSERT_TRUE(this->write(fd, "record", 0));
  EXPECT_TRUE(this->files().sync_data(fd.get()));
  EXPECT_TRUE(this->files().sync_directory(this->world_.root()));
}

// Rotation: the name changes; inode, birth, bytes, and what descriptors lead to stay.
TYPED_TEST_P(FileSystemSuite, ARenamedFileStaysWhoItIs) {
  const std::string old_name = this->put("app.log", "text");
  const std::string new_name = this->directory("old") + "/app.log.1";
  const FileStat before = this->stat(old_name);
  const UniqueFd fd = this->open(old_name);
  ASSERT_TRUE(this->files().rename(old_name, new_name));
  EXPECT_EQ(this->errno_of(this->files().stat(old_name)), ENOENT);
  EXPECT_EQ(this->stat(new_name).inode, before.inode);
  EXPECT_EQ(this->stat(new_name).birth_ns, before.birth_ns);
  EXPECT_EQ(this->stat(new_name).device, before.device);
  this->put("old/app.log.1", " more");
  EXPECT_EQ(this->read(fd), "text more");
}

// The next app.log: another inode for as long as somebody holds the old one.
TYPED_TEST_P(FileSystemSuite, ANewFileUnderAnOldNameIsAnother) {
  const std::string path = this->put("app.log", "old");
  const UniqueFd fd = this->open(path);
  ASSERT_TRUE(this->files().rename(path, this->at("app.log.1")));
  this->put("app.log", "new");
  EXPECT_NE(this->stat(path).inode, this->files().stat_fd(fd.get())->inode);
  EXPECT_EQ(this->read(fd), "old");
  ASSERT_TRUE(this->files().remove(path));
  this->put("app.log", "newer");
  EXPECT_NE(this->stat(path).inode, this->files().stat_fd(fd.get())->inode);
  EXPECT_EQ(this->content(path), "newer");
}

// How the journal puts a new segment in place: the one that was there loses its name, not its descriptors.
TYPED_TEST_P(FileSystemSuite, ARenameReplacesWhatHasTheName) {
  const std::string fresh = this->put("fresh", "new"), path = this->put("journal", "old");
  const std::uint64_t inode = this->stat(fresh).inode;
  const UniqueFd fd = this->open(path);
  ASSERT_TRUE(this->files().rename(fresh, path));
  EXPECT_EQ(this->names(this->world_.root()), (typename TestFixture::Names{"journal"}));
  EXPECT_EQ(this->stat(path).inode, inode);
  EXPECT_EQ(this->files().stat_fd(fd.get())->links, 0u);
  EXPECT_EQ(this->read(fd), "old");
}

// rename(2): two names of one file, and nothing happens.
TYPED_TEST_P(FileSystemSuite, ARenameOfAFileOntoItselfDoesNothing) {
  const std::string path = this->put("a");
  this->world_.link(path, this->at("b"));
  EXPECT_TRUE(this->files().rename(path, path));
  EXPECT_TRUE(this->files().rename(path, this->at("b")));
  EXPECT_EQ(this->names(this->world_.root()), (typename TestFixture::Names{"a", "b"}));
}

TYPED_TEST_P(FileSystemSuite, ARenameDoesNotMixFilesAndDirectories) {
  const std::string file = this->put("a"), empty = this->directory("empty"), full = this->directory("full");
  this->put("full/b");
  EXPECT_EQ(this->errno_of(this->files().rename(file, empty)), EISDIR);
  EXPECT_EQ(this->errno_of(this->files().rename(empty, file)), ENOTDIR);
  EXPECT_EQ(this->errno_of(this->files().rename(empty, full)), ENOTEMPTY);
  EXPECT_EQ(this->errno_of(this->files().rename(full, full + "/below")), EINVAL);
  EXPECT_TRUE(this->files().rename(full, empty));
  EXPECT_EQ(this->content(empty + "/b"), "x");
}

// A directory is moved with all that is in it; what was open there goes on.
TYPED_TEST_P(FileSystemSuite, ARenamedDirectoryTakesItsFilesAlong) {
  const std::string from = this->directory("from/sub"), to = this->at("to");
  const UniqueFd fd = this->open(this->put("from/sub/a", "text"));
  ASSERT_TRUE(this->files().rename(this->at("from"), to));
  EXPECT_EQ(this->stat(to + "/sub/a").inode, this->files().stat_fd(fd.get())->inode);
  EXPECT_EQ(this->errno_of(this->files().stat(from)), ENOENT);
  this->put("to/sub/a", " more");
  EXPECT_EQ(this->read(fd), "text more");
}

TYPED_TEST_P(FileSystemSuite, ADeletedFileLivesWhileItIsOpen) {
  const std::string path = this->put("a", "still here");
  const UniqueFd fd = this->open_write(path);
  ASSERT_TRUE(this->files().remove(path));
  EXPECT_EQ(this->errno_of(this->files().open_read(path)), ENOENT);
  EXPECT_EQ(this->files().stat_fd(fd.get())->links, 0u);
  ASSERT_TRUE(this->write(fd, "grows", 10));
  EXPECT_EQ(this->read(fd), "still heregrows");
}

TYPED_TEST_P(FileSystemSuite, HardLinksAreOneFile) {
  const std::string path = this->put("a", "x");
  this->world_.link(path, this->at("b"));
  EXPECT_EQ(this->stat(path).links, 2u);
  EXPECT_EQ(this->stat(this->at("b")).inode, this->stat(path).inode);
  this->put("b", "y");
  EXPECT_EQ(this->content(path), "xy");
  ASSERT_TRUE(this->files().remove(path));
  EXPECT_EQ(this->stat(this->at("b")).links, 1u);
}

TYPED_TEST_P(FileSystemSuite, SymlinksAreFollowedOnlyWhenAsked) {
  const std::string path = this->put("real/a", "text");
  this->world_.symlink("real", this->at("alias"));
  this->world_.symlink(path, this->at("link"));
  EXPECT_EQ(this->stat(this->at("link")).inode, this->stat(path).inode);
  EXPECT_EQ(this->content(this->at("alias/a")), "text");
  EXPECT_EQ(this->files().stat_no_follow(this->at("link"))->type, FileType::symlink);
  EXPECT_EQ(this->files().stat_no_follow(this->at("link"))->size, path.size());
  EXPECT_EQ(*this->files().real_path(this->at("alias/../alias/./a")), path);
  EXPECT_EQ(this->names(this->at("alias")), (typename TestFixture::Names{"a"}));
  ASSERT_TRUE(this->files().rename(this->at("link"), this->at("moved")));  // itself, not what it leads to
  EXPECT_EQ(this->files().stat_no_follow(this->at("moved"))->type, FileType::symlink);
  ASSERT_TRUE(this->files().remove(this->at("moved")));
  EXPECT_EQ(this->content(path), "text");
}

TYPED_TEST_P(FileSystemSuite, ASymlinkMayLeadNowhereOrToItself) {
  this->world_.symlink("none", this->at("dangling"));
  this->world_.symlink("loop", this->at("loop"));
  EXPECT_EQ(this->errno_of(this->files().stat(this->at("dangling"))), ENOENT);
  EXPECT_EQ(this->errno_of(this->files().open_read(this->at("dangling"))), ENOENT);
  EXPECT_TRUE(this->files().stat_no_follow(this->at("dangling")));
  EXPECT_EQ(this->errno_of(this->files().stat(this->at("loop"))), ELOOP);
  EXPECT_EQ(this->errno_of(this->files().open_read(this->at("loop"))), ELOOP);
  this->open_write(this->at("dangling"));  // makes what it leads to
  EXPECT_EQ(this->stat(this->at("none")).type, FileType::regular);
}

TYPED_TEST_P(FileSystemSuite, AListNamesEachEntryWithItsInodeAndType) {
  this->put("a");
  this->put("sub/deeper");
  this->world_.symlink("a", this->at("link"));
  std::map<std::string, FileType> types;
  const Result<std::vector<DirectoryEntry>> entries = this->files().list(this->world_.root());
  ASSERT_TRUE(entries);
  for (const DirectoryEntry& entry : *entries) {
    const Result<FileStat> found = this->files().stat_no_follow(this->at(entry.name));
    ASSERT_TRUE(found);
    EXPECT_EQ(entry.inode, found->inode) << entry.name;
    EXPECT_TRUE(entry.type == found->type || entry.type == FileType::other) << entry.name;
    types[entry.name] = found->type;
  }
  EXPECT_EQ(types, (std::map<std::string, FileType>{
                       {"a", FileType::regular}, {"link", FileType::symlink}, {"sub", FileType::directory}}));
  EXPECT_EQ(this->names(this->directory("empty")), typename TestFixture::Names{});
}

TYPED_TEST_P(FileSystemSuite, AStatSaysWhoAFileIs) {
  const std::string a = this->put("a", "12345"), b = this->put("b");
  const FileStat stat = this->stat(a);
  EXPECT_EQ(stat.type, FileType::regular);
  EXPECT_EQ(stat.size, 5u);
  EXPECT_EQ(stat.links, 1u);
  EXPECT_NE(stat.inode, this->stat(b).inode);
  EXPECT_EQ(stat.device, this->stat(b).device);
  this->put("a", "6");
  EXPECT_EQ(this->stat(a).size, 6u);
  EXPECT_EQ(this->stat(a).inode, stat.inode);
  EXPECT_EQ(this->stat(a).birth_ns, stat.birth_ns);
  EXPECT_GE(this->stat(a).modified, stat.modified);
}

TYPED_TEST_P(FileSystemSuite, MakesDirectoriesThatAreMissing) {
  EXPECT_TRUE(this->files().make_directories(this->at("a/b/c")));
  EXPECT_TRUE(this->files().make_directories(this->at("a/b/c")));
  EXPECT_TRUE(this->files().make_directories(this->at("a/b//d/")));
  EXPECT_TRUE(this->files().make_directories("/"));
  EXPECT_EQ(this->names(this->at("a/b")), (typename TestFixture::Names{"c", "d"}));
}

TYPED_TEST_P(FileSystemSuite, ALockIsOneDescriptorsUntilItIsClosed) {
  UniqueFd first = this->open_write(this->at("lock"));
  const UniqueFd second = this->open_write(this->at("lock"));
  ASSERT_TRUE(this->files().lock(first.get()));
  EXPECT_TRUE(this->files().lock(first.get()));  // one's own again
  EXPECT_EQ(this->files().lock(second.get()).error().kind(), ErrorKind::fenced);
  EXPECT_EQ(this->files().lock(this->open(this->at("lock")).get()).error().kind(), ErrorKind::fenced);
  first.reset();
  EXPECT_TRUE(this->files().lock(second.get()));
}

TYPED_TEST_P(FileSystemSuite, WhatLiesInADirectoryIsReachedByItsDescriptor) {
  FileSystem& files = this->files();
  const std::string path = this->directory("d");
  const UniqueFd d = *files.open_directory(path);
  ASSERT_TRUE(files.rename(path, this->at("moved")));  // whatever becomes of the path
  EXPECT_EQ(files.open_in(d.get(), "a", OpenIn::read).error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files.open_in(d.get(), "a", OpenIn::write).error().kind(), ErrorKind::not_found);
  {
    const UniqueFd a = *files.open_in(d.get(), "a", OpenIn::create);
    EXPECT_TRUE(this->write(a, "made", 0));
  }
  EXPECT_EQ(this->content(this->at("moved/a")), "made");
  EXPECT_TRUE(files.open_in(d.get(), "a", OpenIn::create));
  EXPECT_EQ(this->read(*files.open_in(d.get(), "a", OpenIn::read)), "made");
  EXPECT_EQ(this->errno_of(files.open_in(d.get(), "a", OpenIn::create_new)), EEXIST);
  EXPECT_TRUE(files.open_in(d.get(), "b", OpenIn::create_new));
  EXPECT_TRUE(files.make_directory_in(d.get(), "below"));
  EXPECT_TRUE(files.make_directory_in(d.get(), "below"));
  EXPECT_TRUE(files.open_in(d.get(), "below", OpenIn::directory));
  EXPECT_EQ(files.open_in(d.get(), "below", OpenIn::read).error().kind(), ErrorKind::bad_input);
  EXPECT_EQ(files.open_in(d.get(), "a", OpenIn::directory).error().kind(), ErrorKind::bad_input);
  EXPECT_TRUE(files.rename_in(d.get(), "a", "b"));
  EXPECT_TRUE(files.remove_in(d.get(), "b"));
  EXPECT_EQ(files.remove_in(d.get(), "b").error().kind(), ErrorKind::not_found);
  EXPECT_EQ(this->names(this->at("moved")), std::vector<std::string>{"below"});
  EXPECT_TRUE(files.sync_directory_in(d.get()));
  EXPECT_TRUE(files.set_mode(d.get(), 0700));
}

TYPED_TEST_P(FileSystemSuite, NoLinkInADirectoryIsFollowedByItsDescriptor) {
  FileSystem& files = this->files();
  const UniqueFd d = *files.open_directory(this->directory("d"));
  this->put("target", "somebody's own");
  this->directory("elsewhere");
  this->world_.symlink(this->at("target"), this->at("d/link"));
  this->world_.symlink(this->at("elsewhere"), this->at("d/into"));
  this->world_.symlink(this->at("nowhere"), this->at("d/dangling"));
  for (const char* name : {"link", "dangling"}) {
    for (const OpenIn how : {OpenIn::read, OpenIn::write, OpenIn::create}) {
      EXPECT_EQ(files.open_in(d.get(), name, how).error().kind(), ErrorKind::bad_input) << name;
    }
  }
  EXPECT_EQ(files.open_in(d.get(), "into", OpenIn::directory).error().kind(), ErrorKind::bad_input);
  EXPECT_FALSE(files.stat(this->at("nowhere")));
  EXPECT_TRUE(files.remove_in(d.get(), "link"));  // the link, not what it leads to
  EXPECT_EQ(this->content(this->at("target")), "somebody's own");
}

TYPED_TEST_P(FileSystemSuite, NothingIsMadeInADirectoryThatIsGone) {
  FileSystem& files = this->files();
  const UniqueFd d = *files.open_directory(this->directory("d"));
  this->world_.erase_directory(this->at("d"));
  EXPECT_EQ(files.open_in(d.get(), "a", OpenIn::create).error().kind(), ErrorKind::not_found);
  EXPECT_EQ(files.make_directory_in(d.get(), "below").error().kind(), ErrorKind::not_found);
}

REGISTER_TYPED_TEST_SUITE_P(FileSystemSuite, WhatIsNotThereIsNotFound, WhatLiesBelowAFileIsNoDirectory,
                            ADirectoryIsNoFile, ABadDescriptorIsAnErrnoForEveryCall, AReadersDescriptorChangesNothing,
                            ReadsAreShortOnlyAtTheEnd, WritesGoWhereTheyAreTold, TruncateCutsAndMakesLonger,
                            AllocateMakesLongerByZerosAndNeverCuts, SyncsOfWhatIsThereSucceed, ARenamedFileStaysWhoItIs,
                            ANewFileUnderAnOldNameIsAnother, ARenameReplacesWhatHasTheName,
                            ARenameOfAFileOntoItselfDoesNothing, ARenameDoesNotMixFilesAndDirectories,
                            ARenamedDirectoryTakesItsFilesAlong, ADeletedFileLivesWhileItIsOpen, HardLinksAreOneFile,
                            SymlinksAreFollowedOnlyWhenAsked, ASymlinkMayLeadNowhereOrToItself,
                            AListNamesEachEntryWithItsInodeAndType, AStatSaysWhoAFileIs, MakesDirectoriesThatAreMissing,
                            ALockIsOneDescriptorsUntilItIsClosed, WhatLiesInADirectoryIsReachedByItsDescriptor,
                            NoLinkInADirectoryIsFollowedByItsDescriptor, NothingIsMadeInADirectoryThatIsGone);

}  // namespace tailrace
