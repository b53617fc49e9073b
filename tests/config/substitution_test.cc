#include "config/substitution.h"

#include "config/effective.h"
#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Substitution : public testing::Test {
 protected:
  ConfigFiles files;
  std::string topic(const std::string& text) {
    const Loaded loaded = files.load("[tailers.app]\ninclude = [\"/a\"]\n[sinks.main]\ntopic = '" + text + "'\n");
    return loaded ? loaded.config.sinks.at(0).topic : files.lines(loaded.errors).at(0);
  }
};

TEST_F(Substitution, VariablesAreReplaced) {
  files.set("ENV", "prod");
  files.set("EMPTY", "");
  EXPECT_EQ(topic("logs-${ENV}"), "logs-prod");
  EXPECT_EQ(topic("${ENV}${ENV}"), "prodprod");
  EXPECT_EQ(topic("${NO:-other}"), "other");
  EXPECT_EQ(topic("${EMPTY:-other}"), "other");
  EXPECT_EQ(topic("${ENV:-other}"), "prod");
  EXPECT_EQ(topic("x${NO:-}"), "x");
  EXPECT_EQ(topic("x${EMPTY}"), "x");
  EXPECT_EQ(topic("$ENV"), "$ENV");
}

TEST_F(Substitution, TheHostsNameStandsInForAnUndefinedHostname) {
  EXPECT_EQ(topic("${HOSTNAME}"), "host-1");
  files.set("HOSTNAME", "named");
  EXPECT_EQ(topic("${HOSTNAME}"), "named");
  EXPECT_EQ(files.load().config.agent.name, "named");
}

TEST_F(Substitution, ALiteralOneStays) {
  EXPECT_EQ(*substitute("$${NAME}", files.environment(), ".").value().text.c_str(), '$');
  EXPECT_EQ(substitute("$${NAME}", files.environment(), ".")->text, "${NAME}");
  EXPECT_FALSE(substitute("$${NAME}", files.environment(), ".")->any);
}

TEST_F(Substitution, WhatCannotBeReplacedIsAnErrorAtItsValue) {
  EXPECT_EQ(topic("${NOWHERE}"),
            "t.toml:4:9: the environment variable NOWHERE is not set; set it, or write ${NAME:-default}");
  EXPECT_EQ(topic("a${B"), "t.toml:4:9: ${ has no closing } ($${ is a literal one); correct it");
  EXPECT_EQ(topic("${}"), "t.toml:4:9: ${} is no variable's name; correct it");
  EXPECT_EQ(topic("${a-b}"), "t.toml:4:9: ${a-b} is no variable's name; correct it");
  EXPECT_EQ(topic("${file:none}"),
            "t.toml:4:9: cannot read ${file:none}: No such file or directory; make the file "
            "readable, or correct its path");
}

TEST_F(Substitution, WhatWasPutInIsNotReplacedAgain) {
  files.set("A", "${B}");
  files.set("B", "b");
  EXPECT_EQ(substitute("${A}", files.environment(), ".")->text, "${B}");
}

TEST_F(Substitution, FilesLoseOneLineEnd) {
  files.write("one", "secret\n");
  files.write("two", "secret\n\n");
  files.write("dos", "secret\r\n");
  files.write("none", "secret");
  EXPECT_EQ(substitute("${file:one}", files.environment(), files.path(""))->text, "secret");
  EXPECT_EQ(substitute("${file:two}", files.environment(), files.path(""))->text, "secret\n");
  EXPECT_EQ(substitute("${file:dos}", files.environment(), files.path(""))->text, "secret");
  EXPECT_EQ(substitute("${file:" + files.path("none") + "}", files.environment(), ".")->text, "secret");
  EXPECT_TRUE(substitute("${file:one}", files.environment(), files.path(""))->secret);
}

TEST_F(Substitution, NumbersAndBooleansTakeWhatWasPutIn) {
  files.set("N", "77");
  files.set("B", "false");
  files.set("S", "64KiB");
  const Loaded loaded = files.load(
      "[agent]\nmax_open_files = \"${N}\"\n[tailers.app]\ninclude = [\"/a\"]\nmax_line = \"${S}\"\n"
      "[sinks.main]\nidempotence = \"${B}\"\n");
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  EXPECT_EQ(loaded.config.agent.max_open_files, 77u);
  EXPECT_EQ(loaded.config.tailers.at(0).max_line, 65536u);
  EXPECT_FALSE(loaded.config.sinks.at(0).idempotence);

  files.set("N", "many");
  files.set("B", "no");
  EXPECT_THAT(files.lines(files.load().errors),
              ElementsAre(HasSubstr("t.toml:2:18: agent.max_open_files = \"many\" is not a whole number"),
                          HasSubstr("t.toml:7:15: sinks.main.idempotence = \"no\" is not true or false")));
}

class Secrets : public Substitution {};

TEST_F(Secrets, AreReplacedInTheConfigAndStarredWhereItIsPrinted) {
  files.write("pw", "hunter2\n");
  files.set("USER_PASSWORD", "hunter2-env");
  const Loaded loaded = files.load(kGood +
                                   "[sinks.main.sasl]\nmechanism = \"PLAIN\"\nusername = \"${file:pw}\"\n"
                                   "password = \"${USER_PASSWORD}\"\n"
                                   "[sinks.main.tls]\nkey = \"-----BEGIN PRIVATE KEY-----hunter2\"\n"
                                   "[sinks.main.librdkafka]\n\"ssl.keystore.password\" = \"hunter2-store\"\n"
                                   "[agent]\nstate_dir = \"/x/${file:pw}\"\n");
  ASSERT_THAT(files.lines(loaded.errors), IsEmpty());
  EXPECT_EQ(loaded.config.agent.state_dir, "/x/hunter2");
  EXPECT_THAT(loaded.config.sinks.at(0).librdkafka,
              ElementsAre(std::pair<std::string, std::string>("security.protocol", "sasl_ssl"),
                          std::pair<std::string, std::string>("ssl.key.pem", "-----BEGIN PRIVATE KEY-----hunter2"),
                          std::pair<std::string, std::string>("sasl.mechanism", "PLAIN"),
                          std::pair<std::string, std::string>("sasl.username", "hunter2"),
                          std::pair<std::string, std::string>("sasl.password", "hunter2-env"),
                          std::pair<std::string, std::string>("ssl.keystore.password", "hunter2-store")));
  const std::string printed = effective_toml(loaded);
  EXPECT_THAT(printed, Not(HasSubstr("hunter2")));
  EXPECT_THAT(printed, HasSubstr("password  = \"***\""));
  EXPECT_THAT(printed, HasSubstr("username  = \"***\""));
  EXPECT_THAT(printed, HasSubstr("state_dir        = \"***\""));
}

TEST_F(Secrets, AreNotInErrors) {
  files.write("pw", "hunter2\n");
  const std::vector<std::string> errors = files.errors(
      "[agent]\nengine = \"${file:pw}\"\nmax_open_files = \"${file:pw}\"\nshutdown_timeout = \"${file:pw}\"\n"
      "[tailers.app]\ninclude = [\"${file:pw}\"]\nsink = \"${file:pw}\"\n"
      "[sinks.main]\nbrokers = [\"${file:pw} x\"]\ntopic = \"${file:pw}{x}\"\n"
      "[sinks.main.librdkafka]\n\"socket.timeout.ms\" = \"${file:pw}\"\n\"topic.metadata.refresh.sparse\" = "
      "\"${file:pw}\"\n");
  EXPECT_EQ(errors.size(), 9u);
  for (const std::string& error : errors) EXPECT_THAT(error, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace tailrace
