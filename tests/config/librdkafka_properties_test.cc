// [sinks.NAME.librdkafka], tls and sasl.
#include "config/librdkafka_properties.h"

#include "config/loader.h"
#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class Librdkafka : public testing::Test {
 protected:
  ConfigFiles files;
  // Good tables and [sinks.main.librdkafka]; `line` is line 7.
  std::vector<std::string> errors(const std::string& line) {
    return files.errors(kGood + "[sinks.main.librdkafka]\n" + line + "\n");
  }
};

TEST_F(Librdkafka, PropertiesOfEveryTypeArePassedOnInTheirOrder) {
  const Loaded loaded = files.load(kGood +
                                   "[sinks.main.librdkafka]\n\"socket.timeout.ms\" = 30000\n\"log_level\" = \"3\"\n"
                                   "\"socket.keepalive.enable\" = true\n");
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  EXPECT_THAT(
      loaded.config.sinks.at(0).librdkafka,
      ElementsAre(Pair("socket.timeout.ms", "30000"), Pair("log_level", "3"), Pair("socket.keepalive.enable", "true")));
}

TEST_F(Librdkafka, UnknownPropertiesNameTheNearest) {
  EXPECT_THAT(
      errors(R"(  "socket.keepalive.enabled" = true)"),
      ElementsAre("t.toml:7:3: sinks.main.librdkafka.\"socket.keepalive.enabled\" is no librdkafka property; did you "
                  "mean \"socket.keepalive.enable\"?"));
}

TEST_F(Librdkafka, BadValuesAreRefusedByLibrdkafkaItself) {
  EXPECT_THAT(
      errors(R"("socket.timeout.ms" = "soon")"),
      ElementsAre(HasSubstr("t.toml:7:23: sinks.main.librdkafka.\"socket.timeout.ms\" is refused by librdkafka: ")));
  EXPECT_THAT(errors(R"("socket.timeout.ms" = 1)"), ElementsAre(HasSubstr("t.toml:7:23: ")));
}

TEST_F(Librdkafka, ADottedKeyWithoutQuotesIsExplained) {
  EXPECT_THAT(errors("socket.timeout.ms = 1"), ElementsAre(HasSubstr("a key with dots wants quotes")));
}

TEST_F(Librdkafka, WhatTailraceSetsItselfIsRefusedWithTheKeyThatSetsIt) {
  EXPECT_THAT(
      errors(R"("bootstrap.servers" = "x")"),
      ElementsAre(
          "t.toml:7:1: sinks.main.librdkafka.\"bootstrap.servers\" is set by tailrace; use sinks.main.brokers"));
  EXPECT_THAT(errors(R"("client.id" = "x")"), ElementsAre(HasSubstr("is set by tailrace; use agent.name")));
  EXPECT_THAT(errors(R"("message.timeout.ms" = 1)"), ElementsAre(HasSubstr("is set by tailrace; remove it")));
  for (const char* name : {"acks",
                           "request.required.acks",
                           "enable.idempotence",
                           "compression.codec",
                           "compression.type",
                           "compression.level",
                           "linger.ms",
                           "queue.buffering.max.ms",
                           "delivery.timeout.ms",
                           "queue.buffering.max.messages",
                           "queue.buffering.max.kbytes",
                           "retries",
                           "message.send.max.retries",
                           "max.in.flight",
                           "max.in.flight.requests.per.connection",
                           "transactional.id",
                           "enable.gapless.guarantee",
                           "delivery.report.only.error",
                           "message.max.bytes",
                           "batch.size",
                           "batch.num.messages",
                           "dr_cb",
                           "dr_msg_cb",
                           "statistics.interval.ms",
                           "security.protocol",
                           "metadata.broker.list"})
    EXPECT_THAT(errors("\"" + std::string(name) + "\" = 1"), ElementsAre(HasSubstr("is set by tailrace"))) << name;
}

TEST_F(Librdkafka, WhatTheSecurityTablesSetIsRefusedBesideThem) {
  EXPECT_THAT(
      files.errors(kGood + "[sinks.main.tls]\nca = \"/ca\"\n[sinks.main.librdkafka]\n\"ssl.ca.location\" = \"/x\"\n"),
      ElementsAre(
          "t.toml:9:1: sinks.main.librdkafka.\"ssl.ca.location\" is set by sinks.main.tls.ca too; remove one of "
          "the two"));
  EXPECT_THAT(files.errors(kGood + "[sinks.main.tls]\n[sinks.main.librdkafka]\n\"ssl.ca.location\" = \"/x\"\n"),
              IsEmpty());
}

TEST_F(Librdkafka, SecurityPropertiesWithoutTheirTableAreWarnedOf) {
  EXPECT_THAT(
      files.warnings(kGood + "[sinks.main.librdkafka]\n\"ssl.cipher.suites\" = \"x\"\n"),
      ElementsAre(HasSubstr("t.toml:7:1: sinks.main.librdkafka.\"ssl.cipher.suites\" does nothing without TLS")));
}

TEST_F(Librdkafka, TlsAndSaslBecomeProperties) {
  const Loaded loaded =
      files.load(kGood +
                 "[sinks.main.sasl]\npassword = \"p\"\nmechanism = \"SCRAM-SHA-512\"\nusername = \"u\"\n"
                 "[sinks.main.tls]\nverify = false\nca = \"/ca\"\ncert = \"/cert\"\nkey = \"/key\"\n"
                 "key_password = \"kp\"\n");
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  EXPECT_THAT(
      loaded.config.sinks.at(0).librdkafka,
      ElementsAre(Pair("security.protocol", "sasl_ssl"), Pair("ssl.ca.location", "/ca"),
                  Pair("ssl.certificate.location", "/cert"), Pair("ssl.key.location", "/key"),
                  Pair("ssl.key.password", "kp"), Pair("enable.ssl.certificate.verification", "false"),
                  Pair("sasl.mechanism", "SCRAM-SHA-512"), Pair("sasl.username", "u"), Pair("sasl.password", "p")));
  for (const auto& [name, value] : loaded.config.sinks.at(0).librdkafka)
    EXPECT_FALSE(check_property(name, value, true)) << name;
}

TEST_F(Librdkafka, TheTablesPresenceChoosesTheProtocol) {
  EXPECT_THAT(files.load(kGood + "[sinks.main.tls]\n").config.sinks.at(0).librdkafka,
              ElementsAre(Pair("security.protocol", "ssl")));
  EXPECT_THAT(files.load(kGood + "[sinks.main.sasl]\nmechanism = \"OAUTHBEARER\"\n").config.sinks.at(0).librdkafka,
              ElementsAre(Pair("security.protocol", "sasl_plaintext"), Pair("sasl.mechanism", "OAUTHBEARER")));
}

TEST_F(Librdkafka, PasswordMechanismsNeedNameAndPassword) {
  EXPECT_THAT(files.errors(kGood + "[sinks.main.sasl]\nmechanism = \"PLAIN\"\nusername = \"u\"\n"),
              ElementsAre("t.toml:7:13: PLAIN needs sinks.main.sasl.password; add password = \"...\""));
  EXPECT_THAT(files.errors(kGood + "[sinks.main.sasl]\nusername = \"u\"\n"),
              ElementsAre("t.toml:6:1: sinks.main.sasl.mechanism is missing; add mechanism = \"PLAIN\""));
}

TEST_F(Librdkafka, KnowsWhatItWasBuiltWith) {
  EXPECT_TRUE(librdkafka_has("ssl"));
  EXPECT_FALSE(librdkafka_has("ss"));
  EXPECT_FALSE(librdkafka_has("nonsense"));
}

}  // namespace
}  // namespace tailrace
