#include "config/file_secrets.h"

#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;

class FileSecrets : public testing::Test {
 protected:
  FileSecrets() {
    files.write("password", "old\n");
    files.write("user", "app");
    files.write("key.pem", "-----BEGIN PRIVATE KEY-----\nold\n");
  }
  SinkConfig load() {
    const Loaded loaded = files.load(
        "[tailers.app]\ninclude = [\"/a\"]\n[sinks.main]\n"
        "[sinks.main.tls]\nkey = \"${file:key.pem}\"\nca = \"/etc/ca.pem\"\n"
        "[sinks.main.sasl]\nmechanism = \"PLAIN\"\nusername = \"${TEAM:-x}-${file:user}\"\npassword = "
        "\"${file:password}\"\n"
        "[sinks.main.librdkafka]\n\"ssl.key.password\" = \"${file:password}\"\n\"client.rack\" = \"old\"\n");
    EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
    return loaded.config.sinks.at(0);
  }

  ConfigFiles files;
};

// A rotated secret: each property that came from a file has the file's new content, wherever it was given, and nothing
// else changes, whatever else in the config is new by then.
TEST_F(FileSecrets, EachIsReadAgain) {
  SinkConfig sink = load();
  files.set("TEAM", "a");
  files.write("password", "new\n");
  files.write("user", "other");
  files.write("key.pem", "-----BEGIN PRIVATE KEY-----\nnew\n");
  files.write("t.toml", "no config any more");
  const auto read = read_file_secrets(sink, files.environment());
  ASSERT_TRUE(read) << read.error().text();
  const auto& properties = read->librdkafka;
  EXPECT_THAT(properties, Contains(Pair("sasl.password", "new")));
  EXPECT_THAT(properties, Contains(Pair("sasl.username", "a-other")));
  EXPECT_THAT(properties, Contains(Pair("ssl.key.pem", "-----BEGIN PRIVATE KEY-----\nnew")));
  EXPECT_THAT(properties, Contains(Pair("ssl.key.password", "new")));
  EXPECT_THAT(properties, Contains(Pair("client.rack", "old")));
  EXPECT_THAT(properties, Contains(Pair("ssl.ca.location", "/etc/ca.pem")));
  EXPECT_EQ(properties.size(), sink.librdkafka.size());
  // What came from the files, and the values that they are in.
  EXPECT_THAT(read->secrets, IsSupersetOf({"new", "other", "a-other", "-----BEGIN PRIVATE KEY-----\nnew"}));
  EXPECT_THAT(read->secrets, Not(Contains("old")));
}

// While a file is being replaced it is missing or empty: no new secret, and the text names the file and no value.
TEST_F(FileSecrets, AFileThatIsMissingOrEmptyIsNoNewSecret) {
  const SinkConfig sink = load();
  std::filesystem::remove(files.path("password"));
  const auto missing = read_file_secrets(sink, files.environment());
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr("${file:password}"));
  files.write("password", "\n");
  const auto empty = read_file_secrets(sink, files.environment());
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().text(), HasSubstr("empty"));
  EXPECT_THAT(empty.error().text(), Not(HasSubstr("old")));
}

TEST_F(FileSecrets, WhatIsWrittenInTheConfigIsNone) {
  const Loaded loaded = files.load(
      "[tailers.app]\ninclude = [\"/a\"]\n[sinks.main.sasl]\nmechanism = \"PLAIN\"\nusername = \"u\"\npassword = "
      "\"p\"\n");
  EXPECT_THAT(loaded.config.sinks.at(0).file_secrets, IsEmpty());
}

}  // namespace
}  // namespace tailrace
