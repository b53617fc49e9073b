#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace tailrace {
namespace {

TEST(Error, KindSaysWhatTheCallerCanDo) {
  EXPECT_EQ(Error::from_errno(ENOENT).kind(), ErrorKind::not_found);
  EXPECT_EQ(Error::from_errno(ENOTDIR).kind(), ErrorKind::not_found);
  EXPECT_EQ(Error::from_errno(ESTALE).kind(), ErrorKind::not_found);
  EXPECT_EQ(Error::from_errno(EAGAIN).kind(), ErrorKind::again);
  EXPECT_EQ(Error::from_errno(ENOSPC).kind(), ErrorKind::no_space);
  EXPECT_EQ(Error::from_errno(EDQUOT).kind(), ErrorKind::no_space);
  EXPECT_EQ(Error::from_errno(EROFS).kind(), ErrorKind::read_only);
  EXPECT_EQ(Error::from_errno(EACCES).kind(), ErrorKind::permission);
  EXPECT_EQ(Error::from_errno(EMFILE).kind(), ErrorKind::too_many_files);
  EXPECT_EQ(Error::from_errno(EIO).kind(), ErrorKind::io);
  EXPECT_EQ(Error::from_errno(EISDIR).kind(), ErrorKind::io);
}

TEST(Error, EachLayerAddsItsVerbInFront) {
  const Error error = Error::from_errno(EACCES).during("open", "/var/log/app.log").during("tail", "app");
  EXPECT_EQ(error.text(), "tail app: open /var/log/app.log: Permission denied");
  EXPECT_EQ(error.sys_errno(), EACCES);
  EXPECT_EQ(error.kind(), ErrorKind::permission);
}

TEST(Error, OfNoSystemCallHasNoErrno) { EXPECT_EQ(Error(ErrorKind::refused, "no").sys_errno(), 0); }

TEST(Result, HoldsAValueThatOnlyMoves) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  ASSERT_TRUE(result);
  EXPECT_EQ(**result, 7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, OfNothingIsGoodUntilAnErrorSaysOtherwise) {
  EXPECT_TRUE(Status());
  const Status failed = Error(ErrorKind::io, "broken");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text(), "broken");
}

TEST(ResultDeathTest, ValueOfAFailedOneAbortsWithItsError) {
  Result<int> result = Error(ErrorKind::io, "the disk is gone");
  EXPECT_DEATH(static_cast<void>(*result), "assertion failed.*the disk is gone");
}

TEST(CheckDeathTest, SaysWhereAndWhat) {
  const int acked = 5;
  const int read = 3;
  EXPECT_DEATH(TR_ASSERT(acked <= read, "acked {} > read {}", acked, read),
               "tailrace: .*error_test.cc:[0-9]+: assertion failed: acked <= read: acked 5 > read 3");
}

}  // namespace
}  // namespace tailrace
