#include "config/effective.h"

#include <cstdlib>
#include <sstream>

#include "config/keys.h"
#include "config/manual.h"
#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::filesystem::path packaging() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "packaging";
}

std::string content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Effective, ShowsEveryDefaultAndWhatWasGiven) {
  ConfigFiles files;
  const std::string printed = effective_toml(files.load(kGood));
  EXPECT_THAT(printed, HasSubstr("[agent]\nname             = \"host-1\"\n"));
  EXPECT_THAT(printed, HasSubstr("[tailers.app]\ninclude       = [\"/var/log/*.log\"]\n"));
  EXPECT_THAT(printed, HasSubstr("sink          = \"main\"\n"));
  for (const KeySpec& key : all_keys()) {
    const bool is_optional = key.fallback.empty() && !key.required && key.name != "sink";
    const bool is_table = key.type == KeyType::properties;
    if (!key.later.empty() || is_optional || is_table || key.table == KeyTable::tls || key.table == KeyTable::sasl)
      continue;
    EXPECT_THAT(printed, HasSubstr("\n" + std::string(key.name) + " ")) << key.name;
  }
  EXPECT_THAT(printed, Not(HasSubstr("multiline")));
}

TEST(Effective, LoadsAgainToTheSameConfig) {
  ConfigFiles files;
  files.set("LITERAL", "${NOT_A_VARIABLE}");
  const Loaded loaded = files.load(
      "[agent]\nname = \"a \\\"b\\\" \\\\ \\n\"\n[tailers.\"my app\"]\ninclude = [\"/x/*.log\"]\nsink = \"s.1\"\n"
      "labels = { \"k.8\" = \"v\", z = \"${LITERAL}\" }\nmax_line = 1000\n[sinks.\"s.1\"]\nlinger = \"1500ms\"\n"
      "[sinks.\"s.1\".tls]\nverify = false\n[sinks.\"s.1\".librdkafka]\n\"socket.timeout.ms\" = 30000\n"
      "[sinks.n]\ntype = \"null\"\n");
  ASSERT_THAT(files.lines(loaded.errors), IsEmpty());
  const std::string printed = effective_toml(loaded);
  ConfigFiles again;
  const Loaded reloaded = again.load(printed);
  EXPECT_THAT(again.lines(reloaded.errors), IsEmpty()) << printed;
  EXPECT_TRUE(reloaded.config == loaded.config) << printed;
  EXPECT_EQ(effective_toml(reloaded), printed);
}

TEST(Manual, TheSampleConfigLoadsAndIsTheDefaults) {
  ConfigFiles files;
  const Loaded loaded = files.load(content(packaging() / "tailrace.toml"));
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  EXPECT_THAT(files.lines(loaded.warnings), IsEmpty());
  ASSERT_EQ(loaded.config.sinks.size(), 1u);
  SinkConfig defaults;
  defaults.name = "main";
  EXPECT_TRUE(loaded.config.sinks[0] == defaults);
}

// What the sample shows as commented out must be right as well.
TEST(Manual, TheSampleConfigLoadsWithEveryCommentedKey) {
  ConfigFiles files;
  std::istringstream lines(content(packaging() / "tailrace.toml"));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool is_key = line.starts_with("# ") && (line.find(" = ") != std::string::npos || line.starts_with("# [")) &&
                        line.find('`') == std::string::npos;
    text += (is_key ? line.substr(2) : line) + "\n";
  }
  const std::string file = "${file:/etc/tailrace/kafka_password}";
  ASSERT_NE(text.find(file), std::string::npos);
  text.replace(text.find(file), file.size(), "x");
  const Loaded loaded = files.load(text);
  EXPECT_THAT(files.lines(loaded.errors), IsEmpty());
  for (const KeySpec& key : all_keys()) {
    const bool is_shown = text.find("\n" + std::string(key.name) + " ") != std::string::npos;
    const bool is_fixed =
        words(key.available).size() == 1 || words(key.available).size() == 3 || key.name == "librdkafka";
    const bool is_rare = key.name == "key_password" || key.name == "verify";
    EXPECT_TRUE(is_shown || !key.later.empty() || is_fixed || is_rare) << key.name;
  }
}

TEST(Manual, TheManPageIsTheTables) {
  const std::filesystem::path page = packaging() / "man" / "tailrace.toml.5";
  if (std::getenv("TAILRACE_WRITE_MANUAL") != nullptr) {
    std::filesystem::create_directories(page.parent_path());
    std::ofstream(page) << man_toml_5();
  }
  EXPECT_TRUE(content(page) == man_toml_5())
      << "write it anew: TAILRACE_WRITE_MANUAL=1 config_test --gtest_filter=Manual.*";
  for (const KeySpec& key : all_keys()) EXPECT_THAT(man_toml_5(), HasSubstr(std::string(key.name))) << key.name;
}

TEST(Manual, TheSchemaHoldsEveryKeyThatMayBeGiven) {
  const std::string schema = schema_json();
  EXPECT_THAT(schema, HasSubstr("\"$schema\": \"https://json-schema.org/draft/2020-12/schema\""));
  for (const KeySpec& key : all_keys()) {
    const bool is_there = schema.find("\"" + std::string(key.name) + "\": {") != std::string::npos;
    EXPECT_TRUE(is_there || !key.later.empty()) << key.name;
  }
  EXPECT_THAT(schema, Not(HasSubstr("\"multiline\"")));
}

}  // namespace
}  // namespace tailrace
