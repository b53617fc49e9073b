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
  std::string content() {
    std::ifstream file(path_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string directory_, path_;
  SystemFileSystem files_;
  InlineWorkers workers_;
};

TEST_F(Spool, KeepsAnyBytesAndTheReason) {
  RejectedSpool spool(files_, workers_, path_, 1'000'000);
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
    RejectedSpool first(files_, workers_, path_, 1'000'000);
    EXPECT_TRUE(append(first, {record("one")}));
  }
  RejectedSpool second(files_, workers_, path_, 1'000'000);
  EXPECT_TRUE(append(second, {record("two")}));
  EXPECT_EQ(read_spool(content()).size(), 2u);
}

// The power goes right after the first append: file and directory were both made for it.
TEST_F(Spool, TheFirstRecordSurvivesALossOfPower) {
  SimFileSystem disk;
  disk.make("/state");
  RejectedSpool spool(disk, workers_, "/state/rejected/main.spool", 1'000'000);
  ASSERT_TRUE(append(spool, {record("one")}));
  SimRandom random(1);
  disk.crash(CrashMode::drop, random);
  ASSERT_TRUE(disk.exists("/state/rejected/main.spool"));
  EXPECT_EQ(read_spool(disk.content("/state/rejected/main.spool")).size(), 1u);
}

TEST_F(Spool, ItsLimitIsKeptAndRoomThatIsMadeIsUsed) {
  RejectedSpool spool(files_, workers_, path_, 400);
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
  RejectedSpool spool(files_, workers_, path_, 1'000'000);
  const Status status = append(spool, {record("one")});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text(), testing::HasSubstr("rejected"));
}

TEST_F(Spool, AnAppendThatOutlivesItTellsNobody) {
  bool was_told = false;
  {
    RejectedSpool spool(files_, workers_, path_, 1'000'000);
    spool.append({record("one")}, [&](const Status&, Instant) { was_told = true; });
  }
  workers_.dispatch({});
  EXPECT_FALSE(was_told);
  EXPECT_EQ(read_spool(content()).size(), 1u);
}

}  // namespace
}  // namespace tailrace
