// The table of keys against the loader: every key does something or is refused.
#include "config/keys.h"

#include <set>

#include "tests/config/config_files.h"

namespace tailrace {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A good config with `line` in `table`.
std::string config_with(const KeySpec& key, const std::string& line) {
  const auto in = [&](KeyTable table) { return key.table == table ? line + "\n" : std::string(); };
  std::string text = "[agent]\n" + in(KeyTable::agent) + "[checkpoint]\n" + in(KeyTable::checkpoint) + "[http]\n" +
                     in(KeyTable::http) + "[tailers.app]\n" + in(KeyTable::tailer);
  const auto is = [&](KeyTable table, std::string_view name) { return key.table == table && key.name == name; };
  if (!is(KeyTable::tailer, "include") || line.empty()) text += "include = [\"/a\"]\n";
  if (!is(KeyTable::tailer, "sink") || line.empty()) text += "sink = \"main\"\n";
  text += "[sinks.other]\n[sinks.main]\n" + in(KeyTable::sink);
  if (is(KeyTable::sink, "acks")) text += "idempotence = false\n";
  if (key.table == KeyTable::tls) text += "[sinks.main.tls]\n" + in(KeyTable::tls);
  if (key.table == KeyTable::sasl) {
    text += "[sinks.main.sasl]\n" + in(KeyTable::sasl);
    if (key.name != "mechanism" || line.empty()) text += "mechanism = \"OAUTHBEARER\"\n";
  }
  return text;
}

std::string line_of(const KeySpec& key, const std::string& value) { return std::string(key.name) + " = " + value; }

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::vector<std::string> available_choices(const KeySpec& key) {
  return words(key.available.empty() ? key.choices : key.available);
}

// Values that are not the default, as TOML.
std::vector<std::string> other_values(const KeySpec& key) {
  switch (key.type) {
    case KeyType::boolean:
      return {key.fallback == "true" ? "false" : "true"};
    case KeyType::integer:
      return {"7"};
    case KeyType::size:
      return {"\"8MiB\"", "9000000"};
    case KeyType::duration:
      return {"\"77s\""};
    case KeyType::text:
      return {key.name == "listen" ? "\"127.0.0.1:1\"" : "\"other\""};
    case KeyType::texts:
      return {key.table == KeyTable::tailer ? "[\"/other\"]" : "[\"other:1\"]"};
    case KeyType::text_map:
      return {"{ a = \"b\" }"};
    case KeyType::properties:
      return {"{ \"socket.keepalive.enable\" = true }"};
    case KeyType::choice:
      break;
  }
  std::vector<std::string> values;
  for (const std::string& choice : available_choices(key)) {
    const bool is_base = key.table == KeyTable::sasl && choice == "OAUTHBEARER";
    const bool wants_password = choice == "PLAIN" || choice.starts_with("SCRAM");
    if (quoted(choice) != key.fallback && !is_base)
      values.push_back(quoted(choice) + (wants_password ? "\nusername = \"u\"\npassword = \"p\"" : ""));
  }
  return values;
}

std::string name_of(const KeySpec& key) { return std::string(header_of(key.table)) + " " + std::string(key.name); }

TEST(Keys, EveryAvailableKeyChangesTheConfig) {
  ConfigFiles files;
  int tried = 0;
  for (const KeySpec& key : all_keys()) {
    if (!key.later.empty()) continue;
    const Loaded base = files.load(config_with(key, ""));
    ASSERT_THAT(files.lines(base.errors), IsEmpty()) << name_of(key);
    for (const std::string& value : other_values(key)) {
      const Loaded changed = files.load(config_with(key, line_of(key, value)));
      EXPECT_THAT(files.lines(changed.errors), IsEmpty()) << name_of(key) << " = " << value;
      EXPECT_FALSE(changed.config == base.config) << name_of(key) << " = " << value << " changes nothing";
      ++tried;
    }
  }
  EXPECT_GT(tried, 60);
}

TEST(Keys, EveryDefaultIsTheOneThatTheStructsHave) {
  ConfigFiles files;
  for (const KeySpec& key : all_keys()) {
    if (key.fallback.empty() || key.sinks == "file") continue;
    const Loaded base = files.load(config_with(key, ""));
    const Loaded given = files.load(config_with(key, line_of(key, std::string(key.fallback))));
    EXPECT_THAT(files.lines(given.errors), IsEmpty()) << name_of(key);
    EXPECT_TRUE(given.config == base.config) << name_of(key) << " = " << key.fallback;
  }
}

TEST(Keys, EveryLaterKeyIsRefused) {
  ConfigFiles files;
  int refused = 0;
  for (const KeySpec& key : all_keys()) {
    if (key.later.empty()) continue;
    for (const std::string& value : other_values(key)) {
      std::string text = config_with(key, line_of(key, value));
      const std::vector<std::string> errors = files.errors(text);
      ASSERT_EQ(errors.size(), 1u) << name_of(key);
      EXPECT_THAT(errors[0], HasSubstr(key.sinks == "file" ? "belongs to type = \"file\""
                                                           : "is not available in this version; remove it"));
      ++refused;
    }
  }
  EXPECT_GT(refused, 15);
}

TEST(Keys, EveryLaterChoiceIsRefused) {
  ConfigFiles files;
  int refused = 0;
  for (const KeySpec& key : all_keys()) {
    const std::vector<std::string> available = available_choices(key);
    for (const std::string& choice : words(key.choices)) {
      if (!key.later.empty() || std::find(available.begin(), available.end(), choice) != available.end()) continue;
      const std::vector<std::string> errors = files.errors(config_with(key, line_of(key, quoted(choice))));
      ASSERT_EQ(errors.size(), 1u) << name_of(key) << " = " << choice;
      EXPECT_THAT(errors[0], HasSubstr("= \"" + choice + "\" is not available in this version; use "));
      ++refused;
    }
  }
  EXPECT_GT(refused, 10);
}

TEST(Keys, EachStandsOnceWithASentenceAndEitherASetterOrAFeature) {
  std::set<std::string> names;
  for (const KeySpec& key : all_keys()) {
    EXPECT_TRUE(names.insert(name_of(key)).second) << name_of(key);
    EXPECT_TRUE(key.sentence.ends_with('.')) << name_of(key);
    EXPECT_NE(key.later.empty(), key.set == nullptr) << name_of(key);
    EXPECT_EQ(key.type == KeyType::choice, !key.choices.empty()) << name_of(key);
  }
}

TEST(Keys, NamesOfSecretsAreKnown) {
  for (const char* name :
       {"password", "key_password", "ssl.key.password", "sasl.oauthbearer.client.SECRET", "access_token"})
    EXPECT_TRUE(is_secret_name(name)) << name;
  for (const char* name : {"ssl.key.passphrase", "sasl.oauthbearer.config", "sasl.oauthbearer.client.secret"})
    EXPECT_TRUE(is_secret_name(name)) << name;
  for (const char* name : {"token_file", "password_file", "sasl.kerberos.keytab", "ca", "cert"})
    EXPECT_FALSE(is_secret_name(name)) << name << " is a path, which is shown";
  for (const char* name : {"topic", "key", "username"}) EXPECT_FALSE(is_secret_name(name)) << name;
}

}  // namespace
}  // namespace tailrace
