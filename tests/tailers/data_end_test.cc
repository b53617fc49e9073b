#include "tailers/data_end.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/tailers/temporary_directory.h"

namespace tailrace {
namespace {

std::size_t left_of(const std::string& text) {
  return bytes_without_zeros({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

TEST(DataEnd, ZerosAtTheEndAreLeftOut) {
  EXPECT_EQ(left_of(""), 0u);
  EXPECT_EQ(left_of("abc"), 3u);
  for (std::size_t zeros = 1; zeros < 40; ++zeros) {
    EXPECT_EQ(left_of(std::string(zeros, '\0')), 0u);
    EXPECT_EQ(left_of("ab" + std::string(zeros, '\0')), 2u);
    EXPECT_EQ(left_of("ab" + std::string(zeros, '\0') + "c"), zeros + 3);
  }
}

struct DataEndOfAFile : testing::Test {
  TemporaryDirectory directory;
  SystemFileSystem files;
  UniqueFd fd{::open((directory.path() + "/a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};

  void write(Offset at, const std::string& text) {
    ASSERT_EQ(::pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(at)), static_cast<ssize_t>(text.size()));
  }
  // Returns how many pieces it took, too.
  std::pair<Offset, int> search(Offset begin, Offset end) {
    DataEndSearch search{.begin = begin, .end = end};
    int pieces = 0;
    for (; !search.is_over && pieces < 1000; ++pieces) EXPECT_TRUE(search_data_end(files, fd.get(), search));
    return {search.end, pieces};
  }
};

TEST_F(DataEndOfAFile, IsBehindItsLastByteThatIsNoZero) {
  write(0, "abc\n");
  EXPECT_EQ(search(0, 4).first, 4u);
  ASSERT_EQ(::ftruncate(fd.get(), 100'000), 0);
  EXPECT_EQ(search(0, 100'000).first, 4u);
  EXPECT_EQ(search(4, 100'000).first, 4u) << "nothing but zeros after what is known to be data";
  write(70'000, "x");
  EXPECT_EQ(search(0, 100'000).first, 70'001u);
}

TEST_F(DataEndOfAFile, IsFoundAmongZerosThatWereWritten) {
  write(0, "abc\n" + std::string(40'000'000, '\0'));
  const auto [end, pieces] = search(0, 40'000'004);
  EXPECT_EQ(end, 4u);
  EXPECT_EQ(pieces, 3) << "16 MiB at a time";
}

TEST_F(DataEndOfAFile, CostsNothingWhereTheFileSystemKnowsOfTheHole) {
  constexpr Offset kHuge = Offset{1} << 40;
  write(0, "abc\n");
  ASSERT_EQ(::ftruncate(fd.get(), static_cast<off_t>(kHuge)), 0);
  const Result<std::uint64_t> known = files.data_end(fd.get(), 0, kHuge);
  ASSERT_TRUE(known);
  if (*known == kHuge) GTEST_SKIP() << "this file system does not tell where its holes are";
  EXPECT_EQ(search(0, kHuge), (std::pair<Offset, int>(4, 1)));
}

TEST_F(DataEndOfAFile, OfOneThatIsCutMeanwhileIsWhatIsLeft) {
  write(0, "abc\n");
  EXPECT_EQ(search(0, 50'000).first, 4u);
}

}  // namespace
}  // namespace tailrace
