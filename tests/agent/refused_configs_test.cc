// What `run` refuses, `check` refuses, with the same lines; and no line of either shows a secret.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "run_binary.h"

namespace tailrace {
namespace {

using testing::HasSubstr;
using testing::Not;

class RefusedConfigs : public testing::Test {
 protected:
  // A config that is right, but for what is put in.
  struct Parts {
    std::string tailer = {};
    std::string include = "[\"/nowhere/*.log\"]";
    std::string sink = "type = \"null\"\n";
    std::string http = "listen = \"\"\n";
    std::string agent = {};
  };
  std::string write(const Parts& parts) {
    return scratch_.write("tailrace.toml", "[agent]\nstate_dir = \"" + (scratch_ / "state") + "\"\n" + parts.agent +
                                               "[http]\n" + parts.http + "[tailers.app]\n" +
                                               (parts.include.empty() ? "" : "include = " + parts.include + "\n") +
                                               parts.tailer + "[sinks.main]\n" + parts.sink);
  }
  // Both end with 78 and the same lines, each with a place; returns them.
  std::string refused(const Parts& parts) {
    const std::string path = write(parts);
    const Ended check = run_binary({"check", "-c", path});
    const Ended run = run_binary({"run", "--once", "-c", path});
    EXPECT_EQ(check.status, 78) << check.out << check.err;
    EXPECT_EQ(run.status, 78) << run.err;
    EXPECT_EQ(check.err, run.err);
    EXPECT_TRUE(std::regex_search(check.err, std::regex("tailrace\\.toml:[0-9]+:[0-9]+: "))) << check.err;
    return check.err;
  }
  static std::size_t errors_in(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  std::string kafka(const std::string& more) { return "brokers = [\"127.0.0.1:1\"]\ntopic = \"t\"\n" + more; }

  ScratchDirectory scratch_;
};

TEST_F(RefusedConfigs, PatternsWhereTheyStand) {
  for (const char* pattern : {"/x/{a", "/x/[b-a]", "/x/../y", "/x/a**b", "/x/", "/x/[a"}) {
    const std::string text = refused({.include = "[\"/good/*.log\",\n  \"" + std::string(pattern) + "\"]"});
    EXPECT_THAT(text,
                HasSubstr("tailrace.toml:7:3: tailers.app.include = \"" + std::string(pattern) + "\" is no pattern: "));
    EXPECT_EQ(errors_in(text), 1u) << text;
  }
  EXPECT_THAT(refused({.tailer = "exclude = [\"{a\"]\n"}), HasSubstr("tailrace.toml:7:12: tailers.app.exclude"));
}

TEST_F(RefusedConfigs, WhateverElseIsWrong) {
  const std::vector<Parts> table = {
      {.tailer = "nonsense = 1\n"},
      {.tailer = "max_line = \"1\"\n"},
      {.tailer = "start_at = \"middle\"\n"},
      {.include = "[\"relative/*.log\"]"},
      {.include = "[]"},
      {.include = ""},
      {.tailer = "sink = \"\"\n"},
      {.http = "listen = \"no port\"\n"},
      {.http = "listen = \"127.0.0.1:0\"\ntoken_file = \"/nowhere/token\"\n"},
      {.agent = "shutdown_timeout = \"soon\"\n"},
      {.sink = "type = \"nul\"\n"},
      {.sink = kafka("topic = \"{label.service}\"\n")},
      {.sink = "topic = \"{label.service}\"\n"},
      {.sink = kafka("compression_level = 99\n")},
      {.sink = kafka("memory = \"1MiB\"\n")},
      {.sink = kafka("acks = \"none\"\n")},
      {.sink = kafka("[sinks.main.tls]\nca = \"/nowhere/ca.pem\"\n")},
      {.sink = kafka("[sinks.main.tls]\nkey = \"-----BEGIN PRIVATE KEY-----\"\n")},
      {.sink = kafka("[sinks.main.sasl]\nmechanism = \"PLAIN\"\n")},
      {.sink = kafka("[sinks.main.librdkafka]\n\"no.such\" = 1\n")},
      {.sink = kafka("[sinks.main.librdkafka]\n\"socket.timeout.ms\" = -1\n")},
      {.sink = kafka("[sinks.main.librdkafka]\nacks = 1\n")},
  };
  for (const Parts& parts : table) EXPECT_GE(errors_in(refused(parts)), 1u);
}

TEST_F(RefusedConfigs, WhatOnlyFollowsFromAnotherErrorIsNotTold) {
  const std::vector<Parts> table = {
      {.tailer = "sink = \"mane\"\n"},
      {.tailer = "incldue = [\"/x/*.log\"]\n", .include = ""},
      {.tailer = "[sinks.other]\ntype = \"null\"\n"},
  };
  for (const Parts& parts : table) {
    const std::string text = refused(parts);
    EXPECT_EQ(errors_in(text), 1u) << text;
  }
  EXPECT_THAT(refused(table[0]), HasSubstr("did you mean \"main\"?"));
  // [sink.main] is no table of ours; that there are no sinks only follows from it.
  const std::string path = scratch_.write("tailrace.toml", "[tailers.app]\ninclude = [\"/x/*\"]\n[sink.main]\n");
  const Ended check = run_binary({"check", "-c", path});
  EXPECT_EQ(check.status, 78);
  EXPECT_EQ(errors_in(check.err), 1u) << check.err;
}

TEST_F(RefusedConfigs, NoValueOfAFileIsShownWhateverIsWrongWithIt) {
  const std::string secret = "S3CRET";
  const auto file = [&](const std::string& text) {
    static int count = 0;
    return "${file:" + scratch_.write("secret" + std::to_string(++count), text) + "}";
  };
  const std::string wrong = "\"" + file("S3CRET{[") + "\"";
  const std::vector<Parts> table = {
      {.tailer = "exclude = [" + wrong + "]\n"},
      {.include = "[\"/x/" + file("S3CRET{[") + "\"]"},
      {.include = "[" + wrong + "]"},
      {.tailer = "max_line = " + wrong + "\n"},
      {.tailer = "start_at = " + wrong + "\n"},
      {.tailer = "sink = " + wrong + "\n"},
      {.http = "listen = " + wrong + "\n"},
      {.http = "listen = \"127.0.0.1:0\"\ntoken_file = \"/" + file("S3CRET/x") + "\"\n"},
      {.sink = "brokers = [" + wrong + "]\ntopic = \"t\"\n"},
      {.sink = "topic = \"" + file("{label.S3CRET}") + "\"\n"},
      {.sink = "topic = \"" + file("{S3CRET") + "\"\n"},
      {.sink = kafka("compression = " + wrong + "\n")},
      {.sink = kafka("compression_level = \"" + file("73915") + "\"\n")},
      {.sink = kafka("memory = \"" + file("73915") + "\"\n")},
      {.sink = kafka("[sinks.main.tls]\nca = \"/" + file("S3CRET/ca.pem") + "\"\n")},
      {.sink = kafka("[sinks.main.sasl]\nmechanism = " + wrong + "\nusername = \"x\"\npassword = \"y\"\n")},
      {.sink = kafka("[sinks.main.librdkafka]\n\"socket.timeout.ms\" = " + wrong + "\n")},
      {.sink = kafka("[sinks.main.librdkafka]\n\"ssl.keystore.location\" = " + wrong + "\n[sinks.main.tls]\n")},
  };
  for (const Parts& parts : table) {
    const std::string text = refused(parts);
    EXPECT_THAT(text, Not(HasSubstr(secret)));
    EXPECT_THAT(text, Not(HasSubstr("73915")));
    EXPECT_THAT(text, Not(HasSubstr("72.2")));
  }
}

TEST_F(RefusedConfigs, SecretsAreKnownByTheirKeysAndPathsAreShown) {
  scratch_.write("token", "t0ken");
  const std::string path = write({.sink = kafka("[sinks.main.sasl]\nmechanism = \"PLAIN\"\nusername = \"joe\"\n"
                                                "password = \"S3CRET1\"\n[sinks.main.librdkafka]\n"
                                                "\"ssl.keystore.password\" = \"S3CRET2\"\n"
                                                "\"sasl.oauthbearer.config\" = \"scope=S3CRET3\"\n"
                                                "\"ssl.key.password\" = \"S3CRET4\"\n"
                                                "\"sasl.kerberos.keytab\" = \"/etc/a.keytab\"\n"),
                                  .http = "listen = \"127.0.0.1:0\"\ntoken_file = \"" + (scratch_ / "token") + "\"\n"});
  const Ended check = run_binary({"check", "-c", path});
  EXPECT_EQ(check.status, 0) << check.err;
  EXPECT_THAT(check.out + check.err, Not(HasSubstr("S3CRET")));
  EXPECT_THAT(check.out, HasSubstr("= \"" + (scratch_ / "token") + "\""));
  EXPECT_THAT(check.out, HasSubstr("= \"/etc/a.keytab\""));
  EXPECT_THAT(check.out, HasSubstr("= \"joe\""));
}

// Some are loaded as soon as librdkafka is told of them, so also while a config is only looked at.
TEST_F(RefusedConfigs, PropertiesThatLoadCode) {
  for (const char* property : {"plugin.library.paths", "ssl.engine.location", "ssl.engine.id", "ssl.providers"}) {
    const std::string text = refused({.sink = kafka("[sinks.main.librdkafka]\n\"" + std::string(property) + "\" = \"" +
                                                    (scratch_ / "plugin.so") + "\"\n")});
    EXPECT_THAT(text, HasSubstr("loads code")) << property;
    EXPECT_EQ(errors_in(text), 1u) << text;
  }
}

TEST_F(RefusedConfigs, CheckRunsNoCommandThatAConfigNames) {
  const std::string ran = scratch_ / "ran";
  const std::string path = write({.sink = kafka("[sinks.main.sasl]\nmechanism = \"GSSAPI\"\n[sinks.main.librdkafka]\n"
                                                "\"sasl.kerberos.kinit.cmd\" = \"touch " +
                                                ran + "\"\n\"sasl.kerberos.keytab\" = \"/etc/passwd\"\n")});
  const Ended check = run_binary({"check", "-c", path});
  if (check.err.find("sasl_gssapi") != std::string::npos) GTEST_SKIP() << "this librdkafka has no GSSAPI";
  EXPECT_EQ(check.status, 0) << check.err;
  EXPECT_EQ(run_binary({"check", "--connect", "-c", path}).status, 1);  // nobody listens
  EXPECT_FALSE(std::filesystem::exists(ran));
}

}  // namespace
}  // namespace tailrace
