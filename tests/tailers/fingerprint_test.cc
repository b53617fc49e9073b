#include "tailers/fingerprint.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/tailers/temporary_directory.h"

namespace tailrace {
namespace {

using namespace std::string_literals;

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

FileStat stat_of(std::uint64_t inode, std::int64_t birth_ns, std::uint64_t device = 1) {
  FileStat stat;
  stat.device = device;
  stat.inode = inode;
  stat.birth_ns = birth_ns;
  return stat;
}

SourceKey key(std::uint64_t inode, std::int64_t birth_ns, std::string_view first = "", std::uint64_t device = 1) {
  return make_key(stat_of(inode, birth_ns, device), as_bytes(first));
}

Match match(const SourceKey& known, const SourceKey& seen, std::string_view first) {
  return compare(known, seen, as_bytes(first));
}

TEST(Fingerprint, HashesWithXxh3) {
  EXPECT_EQ(hash_bytes(as_bytes("")), 0x2d06800538d394c2u);  // published for XXH3_64bits of nothing
  EXPECT_NE(hash_bytes(as_bytes("a")), hash_bytes(as_bytes("b")));
}

TEST(Fingerprint, OneByteIsEnough) {
  const SourceKey known = key(5, 0, "a");
  EXPECT_EQ(known.prefix_bytes, 1u);
  EXPECT_TRUE(prefix_matches(known, as_bytes("a")));
  EXPECT_TRUE(prefix_matches(known, as_bytes("ab")));
  EXPECT_FALSE(prefix_matches(known, as_bytes("b")));
  EXPECT_FALSE(prefix_matches(known, as_bytes("")));
}

TEST(Fingerprint, TakesNoMoreThanItsMaximum) {
  const std::string text(kPrefixBytesMax + 100, 'x');
  EXPECT_EQ(key(5, 0, text).prefix_bytes, kPrefixBytesMax);
  EXPECT_EQ(key(5, 0, text), key(5, 0, text.substr(0, kPrefixBytesMax)));
}

TEST(Fingerprint, GrowsWithItsFile) {
  SourceKey known = key(5, 9, "first");
  EXPECT_FALSE(grow(known, as_bytes("first")));
  EXPECT_FALSE(grow(known, as_bytes("other bytes")));
  EXPECT_EQ(known, key(5, 9, "first"));
  EXPECT_TRUE(grow(known, as_bytes("first and more")));
  EXPECT_EQ(known, key(5, 9, "first and more"));
}

// A writer that preallocates fills zeros with text: the file is still the one that we knew.
TEST(Fingerprint, LeavesZerosOutThatAreStillToBeWritten) {
  SourceKey known = key(5, 0, "ab\0\0\0"s);
  EXPECT_EQ(known, key(5, 0, "ab"));
  EXPECT_EQ(key(5, 0, "\0\0"s).prefix_bytes, 0u);
  EXPECT_EQ(key(5, 0, "a\0b\0"s).prefix_bytes, 3u);  // only those at the end
  EXPECT_TRUE(prefix_matches(known, as_bytes("abc\0\0"s)));
  EXPECT_TRUE(grow(known, as_bytes("abc\0\0"s)));
  EXPECT_EQ(known, key(5, 0, "abc"));
}

TEST(Fingerprint, AnotherInodeOrBirthIsAnotherFile) {
  EXPECT_EQ(match(key(5, 9, "abc"), key(6, 9), "abc"), Match::different);
  EXPECT_EQ(match(key(5, 9, "abc"), key(5, 8), "abc"), Match::different);
}

TEST(Fingerprint, TheDeviceNeverDecides) {
  EXPECT_EQ(match(key(5, 9, "abc", 1), key(5, 9, "", 2), "abcd"), Match::same);
  EXPECT_EQ(match(key(5, 0, "abc", 1), key(5, 0, "", 2), "abcd"), Match::same);
}

TEST(Fingerprint, TheSameFileWithAnotherBeginningWasRewritten) {
  EXPECT_EQ(match(key(5, 9, "abc"), key(5, 9), "xyz"), Match::rewritten);
  EXPECT_EQ(match(key(5, 9, "abc"), key(5, 9), "ab"), Match::rewritten);
  EXPECT_EQ(match(key(5, 9, "abc"), key(5, 9), ""), Match::rewritten);
}

TEST(Fingerprint, WithoutBirthTimesAnotherBeginningIsAnotherFile) {
  EXPECT_EQ(match(key(5, 0, "abc"), key(5, 0), "xyz"), Match::different);
  EXPECT_EQ(match(key(5, 0, "abc"), key(5, 9), "xyz"), Match::different);
  EXPECT_EQ(match(key(5, 9, "abc"), key(5, 0), "abc"), Match::same);
}

TEST(Fingerprint, AnEmptyFileIsKnownByItsBirthAlone) {
  EXPECT_EQ(match(key(5, 9, ""), key(5, 9), "whatever came"), Match::same);
  EXPECT_EQ(match(key(5, 0, ""), key(5, 0), "whatever came"), Match::unsure);
}

TEST(Fingerprint, ReadsTheBeginningOfAFile) {
  const TemporaryDirectory directory;
  SystemFileSystem files;
  directory.append("short", "abc");
  directory.append("long", std::string(5'000, 'x'));
  for (const auto& [name, bytes] : {std::pair("short", 3u), std::pair("long", kPrefixBytesMax)}) {
    const Result<UniqueFd> fd = files.open_read(directory.path(name));
    ASSERT_TRUE(fd) << fd.error().text();
    const auto first = read_prefix(files, (*fd).get());
    ASSERT_TRUE(first) << first.error().text();
    EXPECT_EQ(first->size(), bytes);
  }
  EXPECT_FALSE(read_prefix(files, -1));
}

}  // namespace
}  // namespace tailrace
