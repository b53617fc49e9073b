#include "agent/token_file.h"

#include <gtest/gtest.h>

#include "scratch_directory.h"

namespace tailrace {
namespace {

class Token : public testing::Test {
 protected:
  Result<std::string> read(const std::string& content) { return read_token(files_, scratch_.write("token", content)); }
  ScratchDirectory scratch_;
  SystemFileSystem files_;
};

TEST_F(Token, IsTheContentWithoutTheBlanksAroundIt) {
  for (const char* content : {"s3cret", "s3cret\n", " s3cret\r\n\n"}) {
    const Result<std::string> token = read(content);
    ASSERT_TRUE(token);
    EXPECT_EQ(*token, "s3cret");
  }
}

TEST_F(Token, MustBeOneWord) {
  for (const std::string& content : {std::string(), std::string("\n\n"), std::string("one two"),
                                     std::string("one\ntwo\n"), std::string(5000, 'x')}) {
    const Result<std::string> token = read(content);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().kind(), ErrorKind::bad_input);
  }
}

TEST_F(Token, OfAFileThatIsNotThereIsAnErrorThatNamesIt) {
  const Result<std::string> token = read_token(files_, scratch_ / "missing");
  ASSERT_FALSE(token);
  EXPECT_NE(token.error().text().find("missing"), std::string::npos);
}

TEST_F(Token, WithoutAFileIsNone) {
  const Result<std::string> token = read_token(files_, "");
  ASSERT_TRUE(token);
  EXPECT_EQ(*token, "");
}

}  // namespace
}  // namespace tailrace
