// The harness, tried on what is wrong on purpose: a verifier that finds nothing proves nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/harness/child_process.h"
#include "tests/e2e/harness/file_comparator.h"
#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/harness/metrics_text.h"
#include "tests/e2e/harness/mock_broker.h"
#include "tests/e2e/harness/process_stats.h"
#include "tests/e2e/harness/stream_verifier.h"
#include "tests/e2e/harness/temp_dir.h"
#include "tests/e2e/harness/test_producer.h"
#include "tests/e2e/harness/text_file.h"
#include "tests/e2e/harness/topic_reader.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

const LineRecipe kRecipe{.writer = "a", .seed = 7, .bytes_min = 20, .bytes_max = 90};

std::string line(std::uint64_t sequence, const LineRecipe& recipe = kRecipe) {
  std::string text;
  recipe.append(sequence, text);
  text.pop_back();
  return text;
}

// What the verifier says of these lines of a writer that wrote numbers 0 to `written` - 1.
StreamReport verify(const std::vector<std::uint64_t>& sequences, std::uint64_t written) {
  StreamVerifier verifier;
  verifier.expect(kRecipe, written);
  for (const std::uint64_t sequence : sequences) verifier.take(0, line(sequence));
  return verifier.report();
}

std::uint64_t bytes_of(const std::vector<std::uint64_t>& sequences) {
  std::uint64_t bytes = 0;
  for (const std::uint64_t sequence : sequences) bytes += line(sequence).size() + 1;
  return bytes;
}

TEST(StreamVerifier, AWholeStreamIsExactlyOnceInOrder) {
  const StreamReport report = verify({0, 1, 2, 3, 4}, 5);
  EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
  EXPECT_EQ(report.lines, 5u);
}

TEST(StreamVerifier, AMissingLineIsLostWithItsBytes) {
  const StreamReport report = verify({0, 1, 3, 4}, 5);
  EXPECT_EQ(report.lost_lines, 1u);
  EXPECT_EQ(report.lost_bytes, bytes_of({2}));
  EXPECT_EQ(report.reordered_lines, 0u);
  EXPECT_FALSE(report.has_no_loss_in_order());
  EXPECT_THAT(report.text(), HasSubstr("lost: the first of them a 2 "));
}

TEST(StreamVerifier, AMissingEndIsLost) { EXPECT_EQ(verify({0, 1, 2}, 5).lost_lines, 2u); }

TEST(StreamVerifier, NothingAtAllIsAllLost) { EXPECT_EQ(verify({}, 5).lost_bytes, bytes_of({0, 1, 2, 3, 4})); }

// A crash: 2, 3 and 4 are delivered again, then it goes on. Order is kept.
TEST(StreamVerifier, AStretchDeliveredAgainIsDoubledAndInOrder) {
  const StreamReport report = verify({0, 1, 2, 3, 4, 2, 3, 4, 5}, 6);
  EXPECT_EQ(report.doubled_lines, 3u);
  EXPECT_EQ(report.doubled_bytes, bytes_of({2, 3, 4}));
  EXPECT_EQ(report.doubled_bytes_run_max, bytes_of({2, 3, 4}));
  EXPECT_EQ(report.rewinds, 1u);
  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  EXPECT_FALSE(report.is_exactly_once_in_order());
}

TEST(StreamVerifier, TwoCrashesAreTwoStretches) {
  const StreamReport report = verify({0, 1, 2, 1, 2, 1, 2, 3}, 4);
  EXPECT_EQ(report.doubled_lines, 4u);
  EXPECT_EQ(report.rewinds, 2u);
  EXPECT_EQ(report.doubled_bytes_run_max, bytes_of({1, 2}));
}

TEST(StreamVerifier, ALineTwiceInARowIsDoubled) {
  const StreamReport report = verify({0, 1, 1, 2}, 3);
  EXPECT_EQ(report.doubled_lines, 1u);
  EXPECT_EQ(report.rewinds, 1u);
}

TEST(StreamVerifier, SwappedLinesAreReordered) {
  const StreamReport report = verify({0, 2, 1, 3}, 4);
  EXPECT_EQ(report.reordered_lines, 1u);
  EXPECT_EQ(report.lost_lines, 0u);
  EXPECT_EQ(report.doubled_lines, 0u);
}

// A crash after which the agent goes on past a hole that it fills later: in order only if doubles could hide it.
TEST(StreamVerifier, AGapFilledAfterAReDeliveryIsReordered) {
  const StreamReport report = verify({0, 1, 4, 5, 0, 1, 2, 3, 4, 5}, 6);
  EXPECT_EQ(report.reordered_lines, 2u);
  EXPECT_EQ(report.doubled_lines, 4u);
}

TEST(StreamVerifier, AChangedByteIsDamagedAndItsLineLost) {
  StreamVerifier verifier;
  verifier.expect(kRecipe, 2);
  verifier.take(0, line(0));
  std::string wrong = line(1);
  wrong.back() = wrong.back() == 'x' ? 'y' : 'x';
  verifier.take(0, wrong);
  EXPECT_EQ(verifier.report().damaged_lines, 1u);
  EXPECT_EQ(verifier.report().lost_lines, 1u);
}

TEST(StreamVerifier, CutJoinedUnknownAndInventedLinesAreDamaged) {
  StreamVerifier verifier;
  verifier.expect(kRecipe, 2);
  verifier.take(0, line(0).substr(0, 12));
  verifier.take(0, line(0) + line(1));
  verifier.take(0, "b 0 xxxx");
  verifier.take(0, line(2));  // never written
  verifier.take(0, "");
  verifier.take(0, "a ");
  EXPECT_EQ(verifier.report().damaged_lines, 6u);
  EXPECT_EQ(verifier.report().lost_lines, 2u);
}

TEST(StreamVerifier, WritersAreJudgedEachForItself) {
  const LineRecipe other{.writer = "b", .seed = 8};
  StreamVerifier verifier;
  verifier.expect(kRecipe, 2);
  verifier.expect(other, 2);
  for (const std::string& text : {line(0), line(0, other), line(1, other), line(1)}) verifier.take(0, text);
  EXPECT_TRUE(verifier.report().is_exactly_once_in_order()) << verifier.report().text();
}

TEST(StreamVerifier, AWriterInTwoPartitionsHasNoOrder) {
  StreamVerifier verifier;
  verifier.expect(kRecipe, 2);
  verifier.take(0, line(0));
  verifier.take(1, line(1));
  EXPECT_EQ(verifier.report().writers_in_many_partitions, 1u);
  EXPECT_FALSE(verifier.report().has_no_loss_in_order());
}

TEST(LineRecipe, LinesAreWithinTheirLengthsAndAllDifferent) {
  const LineRecipe tiny{.writer = "w", .seed = 3, .bytes_min = 19, .bytes_max = 19};
  std::set<std::string> seen;
  for (std::uint64_t sequence = 0; sequence < 10'000; ++sequence) {
    ASSERT_EQ(line(sequence, tiny).size(), 19u);
    ASSERT_GE(line(sequence).size(), 20u);
    ASSERT_LE(line(sequence).size(), 90u);
    ASSERT_TRUE(seen.insert(line(sequence)).second);
  }
}

class FileComparatorTest : public ::testing::Test {
 protected:
  std::string compare(const std::string& file, const std::vector<std::string>& records) {
    write_text_file(dir_ / "file", file);
    FileComparator comparator(dir_ / "file");
    for (const std::string& record : records) comparator.take(record);
    return comparator.difference();
  }
  TempDir dir_{"comparator"};
};

TEST_F(FileComparatorTest, EqualBytesAreEqual) {
  EXPECT_EQ(compare("one\n\nthree\n", {"one", "", "three"}), "");
  EXPECT_EQ(compare("", {}), "");
}

TEST_F(FileComparatorTest, EveryKindOfDifferenceIsOne) {
  EXPECT_THAT(compare("one\ntwo\n", {"one", "twx"}), HasSubstr("record 1 (3 bytes) differs from the file at offset 4"));
  EXPECT_NE(compare("one\ntwo\n", {"one"}), "");
  EXPECT_NE(compare("one\ntwo\n", {"two", "one"}), "");
  EXPECT_NE(compare("one\ntwo\n", {"one", "two", "three"}), "");
  EXPECT_NE(compare("one\ntwo\n", {"one", "two", ""}), "");
  EXPECT_NE(compare("one\ntwo", {"one", "two"}), "");  // the file has no last newline, the records do
}

class LineWriterTest : public ::testing::Test {
 protected:
  TempDir dir_{"writer"};
  LineWriter writer_{kRecipe, dir_ / "app.log"};
};

TEST_F(LineWriterTest, RenameRotationsKeepEveryLineInOneChain) {
  for (int i = 0; i < 3; ++i) {
    writer_.write_lines(100);
    writer_.rotate_by_rename();
  }
  writer_.write_lines(1);
  StreamVerifier verifier;
  verifier.expect(writer_);
  for (const char* name : {"app.log.3", "app.log.2", "app.log.1", "app.log"}) {
    std::ifstream file(dir_ / name);
    for (std::string text; std::getline(file, text);) verifier.take(0, text);
  }
  EXPECT_TRUE(verifier.report().is_exactly_once_in_order()) << verifier.report().text();
  EXPECT_EQ(verifier.report().lines, 301u);
}

TEST_F(LineWriterTest, CopytruncateLeavesACopyAndAnEmptyFileOfTheSameInode) {
  writer_.write_bytes(10'000);
  const std::string before = read_text_file(writer_.path());
  EXPECT_EQ(before.size(), writer_.bytes_written());
  const auto links = std::filesystem::hard_link_count(writer_.path());
  writer_.rotate_by_copytruncate();
  EXPECT_EQ(read_text_file(dir_ / "app.log.1"), before);
  EXPECT_EQ(std::filesystem::file_size(writer_.path()), 0u);
  EXPECT_EQ(std::filesystem::hard_link_count(writer_.path()), links);
  writer_.write_lines(1);
  EXPECT_GT(std::filesystem::file_size(writer_.path()), 0u);
}

TEST(MetricsText, ValuesAreFoundByNameAndLabels) {
  const MetricsText text(
      "# HELP a_total x\na_total{tailer=\"app\",reason=\"a \\\"b\\\", c\"} 3\na_total{tailer=\"two\"} 4.5\nup 1\n");
  EXPECT_EQ(text.find("a_total", {{"reason", "a \"b\", c"}}), 3.0);
  EXPECT_EQ(text.find("a_total", {{"tailer", "two"}}), 4.5);
  EXPECT_EQ(text.find("a_total", {{"tailer", "three"}}), std::nullopt);
  EXPECT_EQ(text.sum("a_total"), 7.5);
  EXPECT_EQ(text.find("up"), 1.0);
  EXPECT_FALSE(text.has("down"));
}

TEST(ChildProcess, ExitStatusOutputAndDeathAreSeen) {
  TempDir dir("child");
  ChildProcess says({.argv = {"/bin/sh", "-c", "echo out; echo $WORD >&2; exit 7"},
                     .environment = {{"WORD", "err"}},
                     .stdout_path = dir / "out",
                     .stderr_path = dir / "err"});
  EXPECT_EQ(says.wait_exit(seconds(30)), (ExitStatus{.code = 7}));
  EXPECT_EQ(read_text_file(dir / "out"), "out\n");
  EXPECT_EQ(read_text_file(dir / "err"), "err\n");

  ChildProcess waits({.argv = {"/bin/sleep", "1000"}});
  EXPECT_TRUE(waits.is_running());
  EXPECT_TRUE(process_stats(waits.pid()).has_value());
  waits.kill9();
  EXPECT_EQ(waits.wait_exit(seconds(0)), (ExitStatus{.signal = SIGKILL}));
}

// What a child started goes with it.
TEST(ChildProcess, GrandchildrenAreKilledToo) {
  TempDir dir("child");
  {
    ChildProcess parent({.argv = {"/bin/sh", "-c", "sleep 1000 & echo $!; wait"}, .stdout_path = dir / "pid"});
    ASSERT_TRUE(wait_until([&] { return read_text_file(dir / "pid").ends_with('\n'); }, seconds(30)));
  }
  const pid_t grandchild = std::stoi(read_text_file(dir / "pid"));
  EXPECT_TRUE(
      wait_until([&] { return !process_stats(grandchild).has_value() || process_stats(grandchild)->rss_bytes == 0; },
                 seconds(30)));
}

// Through the mock cluster: what is produced is what is read back, partition by partition.
TEST(TopicReader, ReadsAllPartitionsUpToTheirEnds) {
  MockBroker broker;
  broker.create_topic("t", 3);
  TestProducer producer(broker.bootstrap(), "t");
  const LineRecipe other{.writer = "b", .seed = 8};
  for (std::uint64_t sequence = 0; sequence < 5000; ++sequence) producer.produce(0, line(sequence));
  for (std::uint64_t sequence = 0; sequence < 3000; ++sequence) producer.produce(2, line(sequence, other));
  producer.flush();
  StreamVerifier verifier;
  verifier.expect(kRecipe, 5000);
  verifier.expect(other, 3000);
  EXPECT_EQ(
      read_topic(broker.bootstrap(), "t", 3, [&](std::int32_t p, std::string_view value) { verifier.take(p, value); }),
      8000u);
  EXPECT_TRUE(verifier.report().is_exactly_once_in_order()) << verifier.report().text();
}

}  // namespace
}  // namespace tailrace::e2e
