#include "base/printable.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace tailrace {
namespace {

TEST(Printable, TextStaysAsItIs) {
  for (const char* text :
       {"", "/var/log/app.log", "C:\\logs\\a", "ä ω 日本 \xf0\x9f\x98\x80", "\xc2\xa0", "a\xcc\x88"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(printable_document(text), text);
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(Printable, WhatATerminalWouldActOnIsEscaped) {
  EXPECT_EQ(printable("a\nb\r\t\x1b[31m\x7f"), "a\\nb\\x0d\\x09\\x1b[31m\\x7f");
  EXPECT_EQ(printable(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\xc2\x80 \xc2\x9b"
                      "31m \xc2\x9f"),
            "\\u0080 \\u009b31m \\u009f");
}

TEST(Printable, MarksThatTurnTheDirectionOrEndALineAreEscaped) {
  EXPECT_EQ(printable("log\xe2\x80\xaegol.txt"), "log\\u202egol.txt");
  EXPECT_EQ(printable("\xd8\x9c \xe2\x80\x8e \xe2\x80\x8f \xe2\x80\xa8 \xe2\x81\xa6 \xe2\x81\xa9"),
            "\\u061c \\u200e \\u200f \\u2028 \\u2066 \\u2069");
}

TEST(Printable, BytesThatAreNoUtf8AreShownByteByByte) {
  EXPECT_EQ(printable("bad\xff.log"), "bad\\xff.log");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc3(\x80"), "\\xc3(\\x80");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "a longer form than needed";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half a surrogate pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "past U+10FFFF";
  EXPECT_EQ(valid_utf8("bad\xff\x1b"), "bad\\xff\x1b");
}

TEST(Printable, ADocumentMeansTheSameAfterwards) {
  const nlohmann::json before = {{"path",
                                  "/l/\xc2\x9b"
                                  "31m \x7f \xe2\x80\xae.log"},
                                 {"n", 1}};
  const std::string text = printable_document(before.dump());
  EXPECT_EQ(printable(text), text) << "nothing left to escape";
  EXPECT_EQ(nlohmann::json::parse(text), before);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  EXPECT_EQ(text.find('\x7f'), std::string::npos);
}

TEST(Printable, WhateverComesItIsOneLineOfUtf8ThatEscapesNothingTwice) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text) c = static_cast<char>(random() % 3 == 0 ? 0xc2 + random() % 0x30 : random());
    const std::string once = printable(text);
    EXPECT_EQ(printable(once), once);
    EXPECT_NO_THROW(static_cast<void>(nlohmann::json(once).dump())) << "no UTF-8";
  }
}

}  // namespace
}  // namespace tailrace
