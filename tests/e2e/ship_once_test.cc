// Whole files by `run --once`, compared byte for byte with what the topic holds.
#include <filesystem>
#include <set>
#include <string>

#include "tests/bench/access_log.h"
#include "tests/e2e/harness/file_comparator.h"
#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/kafka_fixture.h"

namespace tailrace::e2e {
namespace {

using ShipOnce = KafkaTest;
using std::chrono::seconds;

TEST_F(ShipOnce, AnAccessLogArrivesByteForByte) {
  make_topic();
  const std::uint64_t bytes = (is_full() ? 1024 : 64) * kMiB;
  const std::uint64_t lines = write_access_log(logs_ / "access.log", bytes, 1);
  ASSERT_GT(lines, 0u);
  AgentConfig settings = config("access.log");
  settings.sink_lines = "compression = \"zstd\"";
  AgentProcess agent(settings);
  const Stopwatch watch;
  ASSERT_EQ(agent.run_once(seconds(300)), kSuccess);
  figure("shipped_mb_per_second", static_cast<double>(bytes) / 1e6 / watch.seconds());

  FileComparator comparator(logs_ / "access.log");
  const std::uint64_t records = read_topic(broker_.bootstrap(), topic_->name(), 1,
                                           [&](std::int32_t, std::string_view value) { comparator.take(value); });
  EXPECT_EQ(records, lines);
  EXPECT_EQ(comparator.difference(), "");

  // All of it is remembered: another run finds nothing to do.
  ASSERT_EQ(agent.run_once(seconds(60)), kSuccess);
  EXPECT_EQ(read_topic(broker_.bootstrap(), topic_->name(), 1, [](std::int32_t, std::string_view) {}), lines);
}

// More files than descriptors.
TEST_F(ShipOnce, ManyFilesUnderFewDescriptorsArriveWholeAndInOrder) {
  const int files = is_full() ? 2'000 : 400;
  const std::uint64_t bytes_a_file = (is_full() ? 512 : 256) * 1024;
  make_topic(12);
  StreamVerifier verifier;
  for (int file = 0; file < files; ++file) {
    const std::string name = "f" + std::to_string(file);
    LineWriter writer({.writer = name, .seed = 3, .bytes_min = 100, .bytes_max = 300}, logs_ / (name + ".log"));
    writer.write_bytes(bytes_a_file);
    verifier.expect(writer);
  }
  AgentProcess agent(config("*.log"));
  agent.limit_open_files(is_full() ? 1024 : 256);
  const Stopwatch watch;
  ASSERT_EQ(agent.run_once(seconds(300)), kSuccess);
  figure("shipped_mb_per_second", static_cast<double>(bytes_a_file) * files / 1e6 / watch.seconds());

  std::set<std::int32_t> partitions;
  read_topic(broker_.bootstrap(), topic_->name(), 12, [&](std::int32_t partition, std::string_view value) {
    partitions.insert(partition);
    verifier.take(partition, value);
  });
  EXPECT_TRUE(verifier.report().is_exactly_once_in_order()) << verifier.report().text();
  EXPECT_EQ(partitions.size(), 12u);
}

}  // namespace
}  // namespace tailrace::e2e
