#include "config/loader.h"

#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Loader : public testing::Test {
 protected:
  ConfigFiles files;

  // The only error of two good tables with `rest` from line 6 on.
  std::string only_error(const std::string& rest) {
    const std::vector<std::string> errors = files.errors(kGood + rest);
    if (errors.size() == 1) return errors[0];
    std::string all = std::to_string(errors.size()) + " errors";
    for (const std::string& error : errors) all += "\n" + error;
    return all;
  }
  std::string in_tailer(const std::string& line) {
    return first("[sinks.main]\ntype = \"null\"\n[tailers.app]\ninclude = [\"/a\"]\n" + line);
  }
  std::string in_sink(const std::string& line) {
    return first("[tailers.app]\ninclude = [\"/a\"]\n[sinks.main]\n\n" + line);
  }
  std::string first(const std::string& text) {
    const std::vector<std::string> errors = files.errors(text);
    return errors.size() == 1 ? errors[0]
                              : std::to_string(errors.size()) + " errors" + (errors.empty() ? "" : ": " + errors[0]);
  }
};

TEST_F(Loader, ASmallConfigHasTheDefaults) {
  const Loaded loaded = files.load(kGood);
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  EXPECT_THAT(files.lines(loaded.warnings), IsEmpty());
  Config expected;
  expected.agent.name = "host-1";
  expected.tailers.resize(1);
  expected.tailers[0].name = "app";
  expected.tailers[0].include = {"/var/log/*.log"};
  expected.tailers[0].sink = "main";
  expected.sinks.resize(1);
  expected.sinks[0].name = "main";
  EXPECT_TRUE(loaded.config == expected);
}

TEST_F(Loader, AMissingFileIsOneErrorAtItsBeginning) {
  const Loaded loaded = load_config(files.path("none.toml"), files.environment());
  EXPECT_THAT(files.lines(loaded.errors),
              ElementsAre("none.toml:1:1: cannot read it: No such file or directory; make the file, or name another "
                          "with -c"));
  EXPECT_THAT(files.lines(load_config(files.path(""), files.environment()).errors),
              ElementsAre(HasSubstr("cannot read it: Is a directory")));
}

TEST_F(Loader, ASyntaxErrorIsNamedWhereItStands) {
  EXPECT_THAT(first("[agent]\nname = \n"), HasSubstr("t.toml:2:8: not valid TOML: "));
  EXPECT_THAT(first("[agent\n"), HasSubstr("t.toml:1:7: not valid TOML: "));
  EXPECT_THAT(first("a = \"\xff\"\n"), HasSubstr("t.toml:1:5: not valid TOML: "));
}

// What the library asserts, and what it calls unreachable, a text can reach.
TEST_F(Loader, ATextThatTheLibraryDoesNotThinkOfIsNamedToo) {
  EXPECT_THAT(first("[[\n"), HasSubstr("t.toml:1:3: not valid TOML: "));
  EXPECT_THAT(first("[agent]\nname = \u00e4\n"), HasSubstr("t.toml:2:8: not valid TOML: "));
  EXPECT_EQ(files.load(kGood + "[agent]\nname = \"\"\"\\\n\u00a7x\"\"\"\n").config.agent.name, "\u00a7x");
}

TEST_F(Loader, AnUnknownKeyNamesTheNearest) {
  EXPECT_EQ(in_sink("  topics = \"x\""), "t.toml:5:3: unknown key \"topics\"; did you mean \"topic\"?");
  EXPECT_EQ(only_error("[agent]\nstatedir = \"/x\"\n"),
            "t.toml:7:1: unknown key \"statedir\"; did you mean \"state_dir\"?");
  EXPECT_EQ(only_error("[http]\nzzzzzzzz = 1\n"),
            "t.toml:7:1: unknown key \"zzzzzzzz\"; remove it (the nearest known key is \"listen\")");
}

TEST_F(Loader, AKeyOfAnotherTableIsSentThere) {
  EXPECT_EQ(in_tailer("topic = \"x\""), "t.toml:5:1: unknown key \"topic\"; it belongs in [sinks.NAME]");
  EXPECT_EQ(first("state_dir = \"/x\"\n" + kGood), "t.toml:1:1: unknown key \"state_dir\"; it belongs in [agent]");
}

TEST_F(Loader, AnUnknownKeyOutsideEveryTableNamesTheNearestTable) {
  EXPECT_EQ(first("tailer = 1\n" + kGood), "t.toml:1:1: unknown key \"tailer\"; did you mean \"tailers\"?");
}

TEST_F(Loader, AnUnknownTableNamesTheNearest) {
  EXPECT_EQ(only_error("[agents]\nname = \"x\"\n"), "t.toml:6:2: unknown table \"agents\"; did you mean \"agent\"?");
  EXPECT_EQ(only_error("[sinks.main.ssl]\nca = \"x\"\n"), "t.toml:6:13: unknown key \"ssl\"; did you mean \"sasl\"?");
}

TEST_F(Loader, TablesMustBeTables) {
  EXPECT_EQ(first("agent = 1\n" + kGood), "t.toml:1:9: agent is an integer; write a table [agent]");
  EXPECT_EQ(first("[[tailers]]\ninclude = [\"/a\"]\n[sinks.main]\n"),
            "t.toml:1:3: tailers is a list; write [tailers.NAME] with a name of your own");
  EXPECT_EQ(first("[tailers]\ninclude = [\"/a\"]\n[sinks.main]\n"),
            "t.toml:2:1: tailers.include is a list; write [tailers.NAME] with a name of your own");
  EXPECT_EQ(in_sink("tls = true"), "t.toml:5:7: sinks.main.tls is a boolean; write a table [sinks.main.tls]");
}

TEST_F(Loader, NamesMustBeNames) {
  EXPECT_THAT(only_error("[tailers.\"\"]\ninclude = [\"/a\"]\n"), HasSubstr("t.toml:6:10: \"\" is no name"));
  EXPECT_THAT(only_error("[tailers.\"a/b\"]\ninclude = [\"/a\"]\n"), HasSubstr("t.toml:6:10: \"a/b\" is no name"));
}

TEST_F(Loader, WrongTypesAreNamedWithWhatIsWanted) {
  EXPECT_EQ(only_error("[agent]\nmax_open_files = \"1\"\n"),
            "t.toml:7:18: agent.max_open_files is a string; write a whole number, without quotes");
  EXPECT_EQ(only_error("[agent]\nengine = 1\n"), "t.toml:7:10: agent.engine is an integer; write a string in quotes");
  EXPECT_EQ(in_sink("idempotence = \"true\""),
            "t.toml:5:15: sinks.main.idempotence is a string; write true or false, without quotes");
  EXPECT_EQ(in_sink("brokers = \"a:1\""),
            "t.toml:5:11: sinks.main.brokers is a string; write a list of strings, like [\"a\", \"b\"]");
  EXPECT_EQ(in_sink("brokers = [\"a:1\",\n  7]"),
            "t.toml:6:3: sinks.main.brokers holds an integer; write a string in quotes");
  EXPECT_EQ(in_tailer("labels = { port = 80 }"),
            "t.toml:5:19: tailers.app.labels.port is an integer; write a string in quotes");
  EXPECT_EQ(in_tailer("max_line = 1.5"),
            "t.toml:5:12: tailers.app.max_line is a number with a fraction; write a size like \"64KiB\" or a number of "
            "bytes");
  EXPECT_EQ(in_sink("linger = true"),
            "t.toml:5:10: sinks.main.linger is a boolean; write a duration like \"250ms\" or \"5s\"");
}

TEST_F(Loader, ValuesOutOfRangeAreNamedWithTheirRange) {
  EXPECT_EQ(only_error("[checkpoint]\ninterval = \"0\"\n"),
            "t.toml:7:12: checkpoint.interval = \"0\" is out of range; give 1ms to 1h");
  EXPECT_EQ(only_error("[agent]\nmax_open_files = -1\n"),
            "t.toml:7:18: agent.max_open_files = -1 is out of range; give 0 to 1000000000");
  EXPECT_EQ(in_sink("linger = \"1h\""), "t.toml:5:10: sinks.main.linger = \"1h\" is out of range; give 0s to 15m");
  EXPECT_EQ(in_tailer("max_line = 1"), "t.toml:5:12: tailers.app.max_line = 1 is out of range; give 4B to 512MiB");
}

TEST_F(Loader, UnitsAreChecked) {
  EXPECT_THAT(in_tailer("max_line = \"1 MB\""),
              HasSubstr("t.toml:5:12: tailers.app.max_line = \"1 MB\" is not one whole"));
  EXPECT_THAT(in_sink("linger = 5"),
              HasSubstr("t.toml:5:10: sinks.main.linger = 5 has no unit; write it like \"250ms\""));
  EXPECT_THAT(in_sink("linger = \"5\""), HasSubstr("t.toml:5:10: sinks.main.linger = \"5\" has no unit"));
  EXPECT_EQ(in_sink("linger = 0"), "0 errors");
  EXPECT_EQ(in_tailer("max_line = 1000"), "0 errors");
}

TEST_F(Loader, ChoicesNameTheNearestOrAll) {
  EXPECT_EQ(
      only_error("[agent]\nlog_level = \"warning\"\n"),
      "t.toml:7:13: agent.log_level = \"warning\" is not a known value; write one of trace, debug, info, warn, error");
  EXPECT_EQ(in_sink("compression = \"ztsd\""),
            "t.toml:5:15: sinks.main.compression = \"ztsd\" is not a known value; did you mean \"zstd\"?");
}

TEST_F(Loader, WhatComesLaterIsRefusedAndItsDefaultIsFine) {
  EXPECT_EQ(in_tailer("multiline = { start = \"x\" }"),
            "t.toml:5:1: tailers.app.multiline is not available in this version; remove it");
  EXPECT_EQ(in_tailer("ignore_older = \"1h\""),
            "t.toml:5:1: tailers.app.ignore_older is not available in this version; remove it");
  EXPECT_EQ(in_tailer("format = \"cri\""),
            "t.toml:5:10: tailers.app.format = \"cri\" is not available in this version; use \"line\"");
  EXPECT_EQ(in_sink("type = \"file\"\npath = \"/x\""),
            "2 errors: t.toml:5:8: sinks.main.type = \"file\" is not available in "
            "this version; use one of kafka, stdout, null");
  EXPECT_EQ(in_sink("create_topic = { partitions = 12 }"),
            "t.toml:5:1: sinks.main.create_topic is not available in this version; remove it");
  EXPECT_EQ(in_tailer("ignore_older = \"0s\"\nformerly = []\ndeleted_limit = 0\ndelete_after = \"\"\nrate_limit = "
                      "\"0\"\nlong_line = \"split\""),
            "0 errors");
  EXPECT_EQ(in_sink("create_topic = false\nheaders = {}\ncompress_in = \"client\"\ndelivery = \"at_least_once\""),
            "0 errors");
}

TEST_F(Loader, AKeyOfAnotherSinkTypeIsAnError) {
  EXPECT_EQ(in_sink("type = \"null\"\ntopic = \"x\""),
            "t.toml:6:1: sinks.main.topic belongs to type = \"kafka\"; remove it: this sink's type is \"null\"");
  EXPECT_EQ(in_sink("rotate_every = \"1h\""),
            "t.toml:5:1: sinks.main.rotate_every belongs to type = \"file\"; remove it: this sink's type is \"kafka\"");
  EXPECT_THAT(in_sink("type = \"stdout\"\n[sinks.main.tls]"),
              HasSubstr("t.toml:6:13: sinks.main.tls belongs to type = \"kafka\""));
}

TEST_F(Loader, IncludeMustBeGivenAndAbsolute) {
  EXPECT_EQ(first("[sinks.main]\n  [tailers.app]\n"),
            "t.toml:2:3: tailers.app.include is missing; add include = [\"/var/log/app/*.log\"]");
  EXPECT_EQ(first("[sinks.main]\n[tailers.app]\ninclude = []\n"),
            "t.toml:3:11: tailers.app.include is empty; give at least one");
  EXPECT_EQ(first("[sinks.main]\n[tailers.app]\ninclude = [\"/a\", \"b\"]\n"),
            "t.toml:3:18: tailers.app.include = \"b\" is not absolute; begin it with /, like \"/var/log/app/*.log\"");
}

TEST_F(Loader, AddressesMustBeAddresses) {
  EXPECT_THAT(only_error("[http]\nlisten = \"9727\"\n"),
              HasSubstr("t.toml:7:10: http.listen = \"9727\" is not HOST:PORT"));
  EXPECT_THAT(only_error("[http]\nlisten = \"a:99999\"\n"), HasSubstr("is not HOST:PORT"));
  EXPECT_THAT(only_error("[http]\nlisten = \"::1:80\"\n"), HasSubstr("is not HOST:PORT"));
  EXPECT_EQ(only_error("[http]\nlisten = \"\"\n"), "0 errors");
  EXPECT_EQ(only_error("[http]\nlisten = \"[::1]:0\"\n"), "0 errors");
  EXPECT_THAT(in_sink("brokers = [\"a\", \"b:x\"]"),
              HasSubstr("t.toml:5:17: sinks.main.brokers = \"b:x\" is not HOST or"));
  EXPECT_THAT(in_sink("brokers = [\"http://a\"]"), HasSubstr("is not HOST or HOST:PORT"));
  EXPECT_EQ(in_sink("brokers = []"), "t.toml:5:11: sinks.main.brokers is empty; give at least one");
}

TEST_F(Loader, TopicsMustBeTemplates) {
  EXPECT_EQ(in_sink("topic = \"\""), "t.toml:5:9: sinks.main.topic = \"\" is empty; name a topic, like \"logs\"");
  EXPECT_THAT(in_sink("topic = \"a{tailor}\""),
              HasSubstr("t.toml:5:9: sinks.main.topic = \"a{tailor}\" has the unknown"));
  EXPECT_THAT(in_sink("topic = \"{file.path}\""), HasSubstr("which only keys may; use {file.name}"));
  EXPECT_THAT(in_sink("topic = \"{label.team}\""),
              HasSubstr("t.toml:5:9: sinks.main.topic names the label \"team\", which tailers.app does not have"));
}

TEST_F(Loader, ATailerFindsItsSink) {
  const std::string two =
      "[sinks.main]\ntype = \"null\"\n[sinks.other]\ntype = \"null\"\n[tailers.b]\ninclude = [\"/b\"]\nsink = "
      "\"other\"\n[tailers.app]\ninclude = [\"/a\"]\n";
  EXPECT_EQ(first(two),
            "t.toml:8:1: tailers.app.sink is missing, and there are 2 sinks; add sink = \"main\", one of main, other");
  EXPECT_EQ(first(two + "sink = \"mian\"\n"),
            "t.toml:10:8: tailers.app.sink = \"mian\" names no sink; did you mean \"main\"?");
  EXPECT_EQ(files.load(two + "sink = \"main\"\n").config.tailers.at(1).sink, "main");
}

TEST_F(Loader, NothingToDoIsAnError) {
  EXPECT_THAT(files.errors(""), ElementsAre(HasSubstr("t.toml:1:1: there are no tailers; add [tailers.app]"),
                                            HasSubstr("t.toml:1:1: there are no sinks; add [sinks.main]")));
}

TEST_F(Loader, MemoryMustHoldFourLongLines) {
  EXPECT_EQ(
      first("[tailers.app]\ninclude = [\"/a\"]\nmax_line = \"1MiB\"\n[sinks.main]\nmemory = \"4MiB\"\n"),
      "t.toml:5:10: sinks.main.memory = \"4MiB\" is less than 4 x max_line + 1 MiB of tailers.app; give it at least "
      "\"5MiB\", or lower max_line");
  EXPECT_EQ(first("[tailers.app]\ninclude = [\"/a\"]\nmax_line = \"1MiB\"\n[sinks.main]\nmemory = \"5MiB\"\n"),
            "0 errors");
  EXPECT_THAT(first("[tailers.app]\ninclude = [\"/a\"]\nmax_line = \"16MiB\"\n[sinks.main]\n"),
              HasSubstr("t.toml:3:12: "));
}

TEST_F(Loader, WeakAcksNeedIdempotenceOffAndAreWarnedOf) {
  EXPECT_EQ(in_sink("acks = \"leader\""),
            "t.toml:5:8: sinks.main.acks = \"leader\" needs idempotence = false; add idempotence = false, or use acks "
            "= \"all\"");
  EXPECT_EQ(in_sink("acks = \"none\"\nidempotence = false"), "0 errors");
  EXPECT_THAT(files.lines(files.load().warnings),
              ElementsAre(HasSubstr("t.toml:5:8: sinks.main.acks = \"none\" loses lines")));
}

TEST_F(Loader, LevelsDependOnTheCodec) {
  EXPECT_EQ(in_sink("compression = \"gzip\"\ncompression_level = 10"),
            "t.toml:6:21: sinks.main.compression_level = 10 is out of range for gzip; give 1 to 9");
  EXPECT_EQ(in_sink("compression = \"lz4\"\ncompression_level = 12"), "0 errors");
  EXPECT_EQ(in_sink("compression = \"none\"\ncompression_level = 3"),
            "t.toml:6:21: sinks.main.compression_level: none has no levels; remove it");
  EXPECT_EQ(in_sink("compression = \"snappy\"\ncompression_level = 1"), "0 errors");
  EXPECT_EQ(in_sink("compression_level = 0"),
            "t.toml:5:21: sinks.main.compression_level = 0 is out of range for zstd; give 1 to 12");
}

TEST_F(Loader, ASinkThatNobodyUsesIsAWarning) {
  EXPECT_THAT(
      files.warnings("[sinks.main]\n[sinks.x]\ntype = \"null\"\n[tailers.b]\ninclude = [\"/b\"]\nsink = \"main\"\n"),
      ElementsAre("t.toml:2:1: no tailer uses sinks.x; remove it, or name it in a tailer's sink"));
}

// Every kind at once: all are reported, in the file's order.
TEST_F(Loader, AllErrorsAreReportedInTheOrderOfTheFile) {
  EXPECT_THAT(files.errors("[sinks.main]\n"
                           "topics = \"x\"\n"
                           "linger = \"soon\"\n"
                           "[tailers.app]\n"
                           "include = [\"a\", \"b\"]\n"
                           "sink = \"mian\"\n"
                           "multiline = {}\n"
                           "[agent]\n"
                           "name = \"${NOWHERE}\"\n"
                           "engine = 3\n"
                           "[nonsense]\n"),
              ElementsAre(HasSubstr("t.toml:2:1: "), HasSubstr("t.toml:3:10: "), HasSubstr("t.toml:5:12: "),
                          HasSubstr("t.toml:5:17: "), HasSubstr("t.toml:6:8: "), HasSubstr("t.toml:7:1: "),
                          HasSubstr("t.toml:9:8: "), HasSubstr("t.toml:10:10: "), HasSubstr("t.toml:11:2: ")));
}

TEST_F(Loader, AKeySetTwiceNamesBothPlaces) {
  EXPECT_EQ(only_error("[agent]\nname = \"a\"\nengine = \"sync\"\n  name = \"b\"\n"),
            "t.toml:9:3: key \"name\" is set twice, first at t.toml:7:1; remove one of the two");
  EXPECT_EQ(only_error("[agent]\n[http]\n[agent]\n"),
            "t.toml:8:1: table \"agent\" is set twice, first at t.toml:6:1; join the two");
  EXPECT_THAT(files.errors(kGood + "[agent]\nname = \"a\"\nname = \"b\"\nnaem = 1\n"),
              ElementsAre(HasSubstr("t.toml:8:1: key \"name\" is set twice"), HasSubstr("t.toml:9:1: unknown key")));
}

TEST_F(Loader, AnErrorIsOneLineWhateverTheConfigHolds) {
  const std::vector<std::string> errors = files.errors(kGood + "[agent]\n\"a\\nb\\u001b\" = 1\n");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("unknown key \"a\\nb\\x1b\""));
}

}  // namespace
}  // namespace tailrace
