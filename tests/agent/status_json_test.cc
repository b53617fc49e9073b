#include "agent/status_json.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "agent/commands/status.h"
#include "sample_snapshot.h"

namespace tailrace {
namespace {

using Json = nlohmann::json;

TEST(StatusJson, HasTheShapeOfTheContract) {
  const Json expected = Json::parse(R"({
    "agent": {"name": "host1", "version": "1.2.3", "engine": "io_uring", "pid": 0, "uptime_seconds": 12.5},
    "tailers": [{"name": "app", "sink": "main",
      "files": {"open": 81, "idle": 82, "finished": 83, "parked": 84},
      "lag": {"read": {"bytes": 71, "seconds": 0.5}, "acked": {"bytes": 72, "seconds": 1.5},
              "durable": {"bytes": 73, "seconds": 2.5}},
      "files_lagging": [{"path": "/var/log/app.0", "inode": 91, "size": 95, "read": 94, "acked": 93, "durable": 92,
                         "state": "reading", "reason": ""}]}],
    "sinks": [{"name": "main", "type": "kafka", "up": false, "reason": "no answer for 7 s", "buffer_bytes": 108,
      "buffer_limit_bytes": 109, "inflight_records": 101,
      "stuck": [{"topic": "logs", "partition": 3, "reason": "leader not available"}]}],
    "checkpoint": {"fsync": "async", "unsynced_seconds": 0.75, "errors": 112}})");
  Json expected_here = expected;
  expected_here["agent"]["pid"] = getpid();
  EXPECT_EQ(Json::parse(status_json(sample_snapshot(), "1.2.3", 1)), expected_here);
}

TEST(StatusJson, LimitsTheLaggingFilesAndKeepsTheFurthestBehind) {
  const Json status = Json::parse(status_json(sample_snapshot(), "1", 2));
  ASSERT_EQ(status["tailers"][0]["files_lagging"].size(), 2u);
  EXPECT_EQ(status["tailers"][0]["files_lagging"][0]["path"], "/var/log/app.0");
  const auto all = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(Json::parse(status_json(sample_snapshot(), "1", all))["tailers"][0]["files_lagging"].size(), 3u);
}

TEST(StatusJson, HoldsNoNullWhateverTheNumbersAre) {
  Snapshot snapshot = sample_snapshot();
  snapshot.uptime_seconds = std::numeric_limits<double>::infinity();
  snapshot.tailers[0].lag[0].seconds = std::numeric_limits<double>::quiet_NaN();
  snapshot.checkpoint.unsynced_seconds = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(status_json(snapshot, "1", 100).find("null"), std::string::npos);
  EXPECT_EQ(status_json(Snapshot{}, "", 100).find("null"), std::string::npos);
}

// A file name may be any bytes; JSON may not.
TEST(StatusJson, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  Snapshot snapshot = sample_snapshot();
  snapshot.tailers[0].files_lagging[0].path = "/var/log/\xff\xfe.log";
  const Json status = Json::parse(status_json(snapshot, "1", 1));
  EXPECT_EQ(status["tailers"][0]["files_lagging"][0]["path"], "/var/log/\xef\xbf\xbd\xef\xbf\xbd.log");
}

TEST(StatusTable, ShowsLagSinksWhatIsStuckAndTheFiles) {
  const std::string table = status_table(status_json(sample_snapshot(), "1.2.3", 100));
  EXPECT_NE(table.find("host1: tailrace 1.2.3, engine io_uring"), std::string::npos) << table;
  EXPECT_NE(table.find("down: no answer for 7 s"), std::string::npos) << table;
  EXPECT_NE(table.find("stuck: main logs/3: leader not available"), std::string::npos) << table;
  EXPECT_NE(table.find("/var/log/app.2"), std::string::npos) << table;
}

TEST(StatusTable, NothingThatATerminalWouldObeyComesThrough) {
  Snapshot snapshot = sample_snapshot();
  snapshot.tailers[0].files_lagging[0].path = "/var/log/\033[2Jx\n.log";
  const std::string table = status_table(status_json(snapshot, "1", 1));
  EXPECT_EQ(table.find('\033'), std::string::npos);
  EXPECT_NE(table.find("/var/log/\\x1b[2Jx\\n.log"), std::string::npos) << table;
}

TEST(StatusTable, WhatIsNoStatusGivesNothing) {
  EXPECT_EQ(status_table(""), "");
  EXPECT_EQ(status_table("[]"), "");
  EXPECT_EQ(status_table(R"({"agent": {}})"), "");
}

}  // namespace
}  // namespace tailrace
