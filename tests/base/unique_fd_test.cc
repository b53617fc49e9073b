#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace tailrace {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesOnceAtTheEndOfItsOwner) {
  int number = -1;
  {
    UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    number = first.get();
    const UniqueFd second = std::move(first);
    EXPECT_EQ(first.get(), -1);  // NOLINT(bugprone-use-after-move): that it is empty is the point
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, AsksItsCloserInsteadOfTheKernel) {
  struct Recorder final : FdCloser {
    void close_fd(int fd) noexcept override { closed.push_back(fd); }
    std::vector<int> closed;
  } recorder;
  {
    UniqueFd a(1001, &recorder);
    a = UniqueFd(1002, &recorder);
    UniqueFd released(1003, &recorder);
    EXPECT_EQ(released.release(), 1003);
  }
  EXPECT_EQ(recorder.closed, (std::vector<int>{1001, 1002}));
}

}  // namespace
}  // namespace tailrace
