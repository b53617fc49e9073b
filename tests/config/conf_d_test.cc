// The files of conf.d beside the config.
#include "config/effective.h"
#include "config/loader.h"
#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ConfD, FilesAreMergedInTheOrderOfTheirNames) {
  ConfigFiles files;
  files.write("conf.d/20-b.toml", "[tailers.b]\ninclude = [\"/b\"]\n");
  files.write("conf.d/10-a.toml", "[tailers.a]\ninclude = [\"/a\"]\n[sinks.main]\ntopic = \"t\"\n");
  files.write("conf.d/ignored.txt", "not toml at all");
  files.write("conf.d/.hidden.toml", "not toml at all");
  const Loaded loaded = files.load("[sinks.main]\nbrokers = [\"k:1\"]\n");
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  ASSERT_EQ(loaded.config.tailers.size(), 2u);
  EXPECT_EQ(loaded.config.tailers[0].name, "a");
  EXPECT_EQ(loaded.config.tailers[1].name, "b");
  EXPECT_EQ(loaded.config.sinks.at(0).topic, "t");
  EXPECT_THAT(loaded.config.sinks.at(0).brokers, ElementsAre("k:1"));
}

TEST(ConfD, AKeyThatTwoFilesSetIsAnErrorThatNamesBothPlaces) {
  ConfigFiles files;
  files.write("conf.d/a.toml", "[agent]\n  log_level = \"debug\"\n");
  EXPECT_THAT(
      files.errors(kGood + "[agent]\nlog_level = \"info\"\n"),
      ElementsAre("conf.d/a.toml:2:3: key \"log_level\" is set twice, first at t.toml:7:1; remove one of the two"));
}

TEST(ConfD, ErrorsNameTheFileThatTheyAreInAndFollowTheFilesOrder) {
  ConfigFiles files;
  files.write("conf.d/b.toml", "[http]\nlisten = \"x\"\n");
  files.write("conf.d/a.toml", "\n\n\n\n\n\n\n\n\n[agent]\nengin = \"sync\"\n");
  EXPECT_THAT(files.errors(kGood + "[checkpoint]\nfsync = 1\n"),
              ElementsAre(HasSubstr("t.toml:7:9: "), HasSubstr("conf.d/a.toml:11:1: unknown key \"engin\""),
                          HasSubstr("conf.d/b.toml:2:10: http.listen")));
}

TEST(ConfD, ASyntaxErrorThereIsNamedThere) {
  ConfigFiles files;
  files.write("conf.d/a.toml", "[agent]\nname = \n");
  files.write("conf.d/b.toml", "=\n");
  EXPECT_THAT(files.errors(kGood), ElementsAre(HasSubstr("conf.d/a.toml:2:8: not valid TOML"),
                                               HasSubstr("conf.d/b.toml:1:1: not valid TOML")));
}

TEST(ConfD, AnUnreadableFileThereIsAnError) {
  ConfigFiles files;
  files.write("conf.d/a.toml/x", "");
  EXPECT_THAT(files.errors(kGood), ElementsAre("conf.d/a.toml:1:1: cannot read it: Is a directory; make it readable"));
}

}  // namespace
}  // namespace tailrace
