#include "base/write_all.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace tailrace {
namespace {

class WriteAll : public ::testing::Test {
 protected:
  WriteAll() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
    ::fcntl(read_end_.get(), F_SETFL, 0);
  }
  UniqueFd read_end_, write_end_;
};

TEST_F(WriteAll, AFullPipeThatDoesNotBlockIsNoEnd) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  std::thread writer([&] {
    EXPECT_TRUE(write_all(write_end_.get(), text));
    write_end_.reset();
  });
  std::string got;
  char part[4096];
  for (ssize_t bytes; (bytes = ::read(read_end_.get(), part, sizeof part)) > 0;)
    got.append(part, static_cast<std::size_t>(bytes));
  writer.join();
  EXPECT_TRUE(got == text) << got.size() << " of " << text.size() << " bytes";
}

TEST_F(WriteAll, AReaderThatIsGoneIsAnErrorAlsoWhenThePipeIsFull) {
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(write_all(write_end_.get(), std::string(1024 * 1024, 'x'), 0).error().sys_errno(), EAGAIN);
  read_end_.reset();
  EXPECT_EQ(write_all(write_end_.get(), "x").error().sys_errno(), EPIPE);
}

TEST_F(WriteAll, PatienceIsForOneWait) {
  const Status written = write_all(write_end_.get(), std::string(1024 * 1024, 'x'), 1);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::again);
}

}  // namespace
}  // namespace tailrace
