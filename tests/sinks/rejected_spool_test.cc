#include "sinks/rejected_spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/sim/sim_file_system.h"
#include "tests/sinks/inline_workers.h"
#include "tests/sinks/sink_driver.h"

namespace tailrace {
namespace {

RejectedRecord record(const std::string& value) {
  return {.topic = "logs", .partition = 3, .source = source(1), .offset = 42, .reason = "why \"so\"", .value = value};
}

// As docs/rejected_format.md says: a line of JSON, so many bytes, a line end.
std::vector<std::pair<nlohmann::json, std::string>> read_spool(const std::string& text) {
  std::vector<std::pair<nlohmann::json, std::string>> records;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.find('\n', at);
    const nlohmann::json head = nlohmann::json::parse(text.substr(at, end - at));
    const std::size_t bytes = head["bytes"];
    records.emplace_back(head, text.substr(end + 1, bytes));
    EXPECT_EQ(text.at(end + 1 + bytes), '\n');
    at = end + 2 + bytes;
  }
  return records;
}

class Spool : public testing::Test {
 protected:
  Spool() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tailrace-spool-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/rejected/main.spool";
  }
  ~Spool() override { std::filesystem::remove_all(directory_); }

  Status append(RejectedSpool& spool, std::vector<RejectedRecord> records) {
    std::optional<Status> result;
    spool.append(std::move(records), [&](const Status& status, Instant) { result = status; });
    EXPECT_TRUE(spool.is_busy());
    workers_.dispatch({});
    EXPECT_FALSE(spool.is_busy());
    return result.value();
  }
  std::shared_ptr<StateHome> home() { return std::make_shared<StateHome>(files_, directory_); }
  std::string content() { return content_of(path_); }
  static std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string directory_, path_;
  SystemFileSystem files_;
  InlineWorkers workers_;
};

TEST_F(Spool, KeepsAnyBytesAndTheReason) {
  RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
  const std::string odd("\0\n{\"bytes\":9}\n\xff", 16);
  EXPECT_TRUE(append(spool, {record(odd), record("")}));
  EXPECT_TRUE(append(spool, {record("later")}));
  const auto records = read_spool(content());
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].second, odd);
  EXPECT_EQ(records[1].second, "");
  EXPECT_EQ(records[2].second, "later");
  EXPECT_EQ(records[0].first["reason"], "why \"so\"");
  EXPECT_EQ(records[0].first["topic"], "logs");
  EXPECT_EQ(records[0].first["partition"], 3);
  EXPECT_EQ(records[0].first["offset"], 42);
  EXPECT_EQ(records[0].first["source"], source(1).hex());
  EXPECT_TRUE(records[0].first["time"].get<std::string>().ends_with('Z'));
}

TEST_F(Spool, ASecondProcessGoesOnWhereTheFirstEnded) {
  {
    RejectedSpool first(files_, workers_, home(), "main", 1'000'000);
    EXPECT_TRUE(append(first, {record("one")}));
  }
  RejectedSpool second(files_, workers_, home(), "main", 1'000'000);
  EXPECT_TRUE(append(second, {record("two")}));
  EXPECT_EQ(read_spool(content()).size(), 2u);
}

// The power goes right after the first append: file and directory were both made for it.
TEST_F(Spool, TheFirstRecordSurvivesALossOfPower) {
  SimFileSystem disk;
  disk.make("/state");
  RejectedSpool spool(disk, workers_, std::make_shared<StateHome>(disk, "/state"), "main", 1'000'000);
  ASSERT_TRUE(append(spool, {record("one")}));
  SimRandom random(1);
  disk.crash(CrashMode::drop, random);
  ASSERT_TRUE(disk.exists("/state/rejected/main.spool"));
  EXPECT_EQ(read_spool(disk.content("/state/rejected/main.spool")).size(), 1u);
}

TEST_F(Spool, ItsLimitIsKeptAndRoomThatIsMadeIsUsed) {
  RejectedSpool spool(files_, workers_, home(), "main", 400);
  EXPECT_TRUE(append(spool, {record("one")}));
  const std::string before = content();
  const Status full = append(spool, {record(std::string(300, 'x'))});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind(), ErrorKind::no_space);
  EXPECT_EQ(content(), before);
  std::filesystem::resize_file(path_, 0);
  EXPECT_TRUE(append(spool, {record("two")}));
  EXPECT_EQ(read_spool(content()).size(), 1u);
}

TEST_F(Spool, WhatCannotBeWrittenIsSaid) {
  std::ofstream(directory_ + "/rejected") << "a file where the directory should be";
  RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
  const Status status = append(spool, {record("one")});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text(), testing::HasSubstr("rejected"));
}

TEST_F(Spool, AnAppendThatOutlivesItTellsNobody) {
  bool was_told = false;
  {
    RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
    spool.append({record("one")}, [&](const Status&, Instant) { was_told = true; });
  }
  workers_.dispatch({});
  EXPECT_FALSE(was_told);
  EXPECT_EQ(read_spool(content()).size(), 1u);
}

// The power went while it was written: what stands behind half a record nobody can read.
TEST_F(Spool, HalfARecordIsCutBeforeTheNextAppend) {
  const std::string whole = encode_rejected({record("one"), record("two")}, {});
  const std::size_t second = encode_rejected({record("one")}, {}).size();
  for (std::size_t bytes = second; bytes < whole.size(); ++bytes) {
    std::filesystem::remove_all(directory_ + "/rejected");
    std::filesystem::create_directory(directory_ + "/rejected");
    std::ofstream(path_) << whole.substr(0, bytes);
    RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
    ASSERT_TRUE(append(spool, {record("three")}));
    const auto records = read_spool(content());
    ASSERT_EQ(records.size(), 2u) << bytes;
    ASSERT_EQ(records[1].second, "three") << bytes;
    // What was cut is no record; it is kept all the same, for a person to look at.
    ASSERT_EQ(content_of(path_ + ".cut"), whole.substr(second, bytes - second));
  }
}

// A disk that went bad in the middle: what is good behind it is kept.
TEST_F(Spool, RecordsBehindADamagedOneAreKeptBeside) {
  const std::string one = encode_rejected({record("one")}, {});
  std::filesystem::create_directory(directory_ + "/rejected");
  std::string damaged = one;
  damaged[1] = 'X';
  std::ofstream(path_) << one << damaged << one;
  RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
  ASSERT_TRUE(append(spool, {record("later")}));
  EXPECT_EQ(read_spool(content()).size(), 2u);
  EXPECT_EQ(content_of(path_ + ".cut"), damaged + one);
}

TEST_F(Spool, LargeAndManyRecordsAreFoundWhole) {
  const std::string text = encode_rejected({record(std::string(700'000, 'x'))}, {}) +
                           encode_rejected(std::vector<RejectedRecord>(5'000, record("small")), {});
  std::filesystem::create_directory(directory_ + "/rejected");
  std::ofstream(path_) << text;
  RejectedSpool spool(files_, workers_, home(), "main", 100'000'000);
  ASSERT_TRUE(append(spool, {record("later")}));
  EXPECT_EQ(content().substr(0, text.size()), text);
  EXPECT_EQ(read_spool(content()).size(), 5'002u);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".cut"));
}

TEST_F(Spool, OneThatANewerVersionWroteIsLeftAlone) {
  std::filesystem::create_directory(directory_ + "/rejected");
  std::ofstream(path_) << "{\"v\":2,\"bytes\":1}\n";
  RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
  const Status status = append(spool, {record("one")});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::unsupported);
  EXPECT_EQ(content(), "{\"v\":2,\"bytes\":1}\n");
}

// The disk takes half of it, and then refuses to cut it off again.
TEST_F(Spool, WhatAFailedAppendLeavesIsCutBeforeTheNext) {
  SimFileSystem disk;
  disk.make("/state");
  RejectedSpool spool(disk, workers_, std::make_shared<StateHome>(disk, "/state"), "main", 1'000'000);
  ASSERT_TRUE(append(spool, {record("one")}));
  disk.set_capacity(disk.used_bytes() + 50);
  disk.faults().add({.op = SimOp::truncate});
  EXPECT_FALSE(append(spool, {record(std::string(5'000, 'x'))}));
  ASSERT_GT(disk.content("/state/rejected/main.spool").size(), encode_rejected({record("one")}, {}).size());
  disk.set_capacity(UINT64_MAX);
  ASSERT_TRUE(append(spool, {record("two")}));
  const auto records = read_spool(disk.content("/state/rejected/main.spool"));
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].second, "two");
}

// A record counts as dealt with once it is spooled: it must be where somebody finds it.
TEST_F(Spool, WhatIsRemovedUnderItIsMadeAnew) {
  RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
  const std::string aside = directory_ + ".aside";
  ASSERT_TRUE(append(spool, {record("one")}));
  std::filesystem::remove(path_);
  ASSERT_TRUE(append(spool, {record("two")}));
  EXPECT_EQ(read_spool(content()).size(), 1u);
  std::filesystem::remove_all(directory_ + "/rejected");
  ASSERT_TRUE(append(spool, {record("three")}));
  EXPECT_EQ(read_spool(content()).size(), 1u);
  std::filesystem::remove_all(directory_);
  ASSERT_TRUE(append(spool, {record("four")}));
  EXPECT_EQ(read_spool(content()).size(), 1u);
  std::filesystem::rename(directory_, aside);  // or another is mounted over it
  std::filesystem::create_directory(directory_);
  ASSERT_TRUE(append(spool, {record("five")}));
  EXPECT_EQ(read_spool(content())[0].second, "five");
  std::filesystem::remove_all(aside);
}

TEST_F(Spool, NoLinkOnTheWayIsFollowed) {
  const std::string elsewhere = directory_ + "/elsewhere";
  std::filesystem::create_directory(elsewhere);
  std::filesystem::create_symlink(elsewhere, directory_ + "/rejected");
  RejectedSpool spool(files_, workers_, home(), "main", 1'000'000);
  EXPECT_FALSE(append(spool, {record("one")}));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere));
  std::filesystem::remove(directory_ + "/rejected");
  std::filesystem::create_directory(directory_ + "/rejected");
  std::ofstream(elsewhere + "/secret") << "somebody's own";
  std::filesystem::create_symlink(elsewhere + "/secret", path_);
  EXPECT_FALSE(append(spool, {record("one")}));
  EXPECT_EQ(content_of(elsewhere + "/secret"), "somebody's own");
}

TEST_F(Spool, ASinkWhoseNameHasASlashStaysInItsDirectory) {
  RejectedSpool spool(files_, workers_, home(), "../a/b", 1'000'000);
  ASSERT_TRUE(append(spool, {record("one")}));
  EXPECT_EQ(read_spool(content_of(directory_ + "/rejected/..%2Fa%2Fb.spool")).size(), 1u);
}

}  // namespace
}  // namespace tailrace
