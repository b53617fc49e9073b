#include "agent/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "sample_snapshot.h"
#include "scratch_directory.h"

namespace tailrace {
namespace {

const BuildInfo kBuild{"1.2.3", "2.0.2"};

// What a scraper sees: "name{labels}" to value, and each family's type.
struct Scraped {
  std::map<std::string, std::string> series, types, helps;
};

Scraped scrape(const std::string& text) {
  Scraped scraped;
  static const std::regex kComment(R"(# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*))");
  static const std::regex kSeries(R"(([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^}]*\})?) (\S+))");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kComment)) {
      auto& into = match[1] == "TYPE" ? scraped.types : scraped.helps;
      EXPECT_TRUE(into.emplace(match[2], match[3]).second) << "twice: " << line;
    } else if (std::regex_match(line, match, kSeries)) {
      EXPECT_TRUE(scraped.series.emplace(match[1], match[2]).second) << "twice: " << line;
    } else {
      ADD_FAILURE() << "not in the text format: " << line;
    }
  }
  return scraped;
}

std::string text_of(const Snapshot& snapshot) { return metrics_text(snapshot, ProcessUsage{}, kBuild); }

// Every row of the contract's table shows the number that the snapshot holds, under its name and labels.
TEST(Metrics, EachNumberAppearsUnderItsNameAndLabels) {
  const Scraped scraped = scrape(text_of(sample_snapshot()));
  const std::map<std::string, std::string> expected = {
      {R"(tailrace_lag_bytes{tailer="app",stage="read"})", "71"},
      {R"(tailrace_lag_bytes{tailer="app",stage="acked"})", "72"},
      {R"(tailrace_lag_bytes{tailer="app",stage="durable"})", "73"},
      {R"(tailrace_lag_seconds{tailer="app",stage="read"})", "0.5"},
      {R"(tailrace_lag_seconds{tailer="app",stage="durable"})", "2.5"},
      {R"(tailrace_file_lag_bytes_max{tailer="app"})", "74"},
      {R"(tailrace_file_lag_seconds_max{tailer="app"})", "3.5"},
      {R"(tailrace_read_bytes_total{tailer="app"})", "1001"},
      {R"(tailrace_read_lines_total{tailer="app"})", "1002"},
      {R"(tailrace_acked_bytes_total{tailer="app",sink="main"})", "1003"},
      {R"(tailrace_acked_lines_total{tailer="app",sink="main"})", "1004"},
      {R"(tailrace_rewound_bytes_total{tailer="app"})", "61"},
      {R"(tailrace_last_ack_timestamp_seconds{sink="main"})", "1700000000"},
      {R"(tailrace_lost_bytes_total{tailer="app",reason="truncated"})", "11"},
      {R"(tailrace_lost_bytes_total{tailer="app",reason="deleted"})", "12"},
      {R"(tailrace_lost_bytes_total{tailer="app",reason="deleted_limit"})", "13"},
      {R"(tailrace_lost_bytes_total{tailer="app",reason="moved"})", "14"},
      {R"(tailrace_lost_bytes_total{tailer="app",reason="skipped"})", "15"},
      {R"(tailrace_lost_bytes_total{tailer="app",reason="rejected"})", "16"},
      {R"(tailrace_lost_files_total{tailer="app",reason="truncated"})", "21"},
      {R"(tailrace_lost_files_total{tailer="app",reason="rejected"})", "26"},
      {R"(tailrace_long_lines_total{tailer="app",reason="split"})", "31"},
      {R"(tailrace_long_lines_total{tailer="app",reason="truncated"})", "32"},
      {R"(tailrace_long_lines_total{tailer="app",reason="skipped"})", "33"},
      {R"(tailrace_long_lines_total{tailer="app",reason="cut"})", "34"},
      {R"(tailrace_filtered_lines_total{tailer="app",reason="keep"})", "35"},
      {R"(tailrace_filtered_lines_total{tailer="app",reason="drop"})", "36"},
      {R"(tailrace_hole_bytes_total{tailer="app"})", "37"},
      {R"(tailrace_invalid_utf8_total{tailer="app"})", "38"},
      {R"(tailrace_format_errors_total{tailer="app"})", "39"},
      {R"(tailrace_rejected_records_total{sink="main",reason="too_large"})", "102"},
      {R"(tailrace_rejected_records_total{sink="main",reason="invalid"})", "103"},
      {R"(tailrace_rejected_records_total{sink="main",reason="timestamp"})", "104"},
      {R"(tailrace_files{tailer="app",state="open"})", "81"},
      {R"(tailrace_files{tailer="app",state="idle"})", "82"},
      {R"(tailrace_files{tailer="app",state="finished"})", "83"},
      {R"(tailrace_files{tailer="app",state="parked"})", "84"},
      {R"(tailrace_deleted_bytes{tailer="app"})", "85"},
      {R"(tailrace_rotations_total{tailer="app",kind="renamed"})", "41"},
      {R"(tailrace_rotations_total{tailer="app",kind="truncated"})", "42"},
      {R"(tailrace_rotations_total{tailer="app",kind="deleted"})", "43"},
      {R"(tailrace_open_errors_total{tailer="app",reason="permission"})", "51"},
      {R"(tailrace_open_errors_total{tailer="app",reason="emfile"})", "52"},
      {R"(tailrace_open_errors_total{tailer="app",reason="not_regular"})", "53"},
      {R"(tailrace_open_errors_total{tailer="app",reason="io"})", "54"},
      {R"(tailrace_buffer_bytes{sink="main"})", "108"},
      {R"(tailrace_buffer_limit_bytes{sink="main"})", "109"},
      {R"(tailrace_inflight_records{sink="main"})", "101"},
      {R"(tailrace_backpressure_seconds_total{sink="main"})", "1.25"},
      {R"(tailrace_delivery_seconds_bucket{sink="main",le="0.1"})", "2"},
      {R"(tailrace_delivery_seconds_bucket{sink="main",le="1"})", "5"},
      {R"(tailrace_delivery_seconds_bucket{sink="main",le="+Inf"})", "9"},
      {R"(tailrace_delivery_seconds_count{sink="main"})", "9"},
      {R"(tailrace_delivery_seconds_sum{sink="main"})", "5.5"},
      {R"(tailrace_sink_up{sink="main"})", "0"},
      {R"(tailrace_checkpoint_fsync_seconds_bucket{le="0.001"})", "5"},
      {R"(tailrace_checkpoint_fsync_seconds_count)", "11"},
      {R"(tailrace_checkpoint_writes_total)", "111"},
      {R"(tailrace_checkpoint_errors_total)", "112"},
      {R"(tailrace_checkpoint_unsynced_seconds)", "0.75"},
      {R"(tailrace_watch_overflows_total)", "113"},
      {R"(tailrace_polled_directories{tailer="app"})", "86"},
      {R"(tailrace_scan_seconds{tailer="app"})", "0.25"},
      {R"(tailrace_kafka_broker_rtt_seconds{sink="main",broker="b1:9092/1"})", "0.125"},
      {R"(tailrace_kafka_retries_total{sink="main",broker="b1:9092/1"})", "106"},
      {R"(tailrace_kafka_errors_total{sink="main",reason="transport"})", "107"},
      {R"(tailrace_rebuilt_producers_total{sink="main"})", "105"},
      {R"(tailrace_config_last_reload_successful)", "1"},
      {R"(tailrace_config_last_reload_timestamp_seconds)", "1700000001"},
      {R"(tailrace_build_info{version="1.2.3",engine="io_uring",librdkafka="2.0.2"})", "1"},
  };
  for (const auto& [name, value] : expected) {
    const auto found = scraped.series.find(name);
    if (found == scraped.series.end()) {
      ADD_FAILURE() << "missing: " << name;
    } else {
      EXPECT_EQ(std::stod(found->second), std::stod(value)) << name;
    }
  }
}

TEST(Metrics, EachFamilySaysItsTypeByItsNameAndHasAHelp) {
  const Scraped scraped = scrape(text_of(sample_snapshot()));
  ASSERT_GT(scraped.types.size(), 40u);
  for (const auto& [name, type] : scraped.types) {
    const bool is_total = name.size() > 6 && name.compare(name.size() - 6, 6, "_total") == 0;
    EXPECT_EQ(is_total, type == "counter") << name << " is a " << type;
    EXPECT_FALSE(scraped.helps.at(name).empty()) << name;
  }
}

// A dashboard's rate() needs the zero before the first event, and an alert needs the series at all.
TEST(Metrics, SeriesWhoseLabelsAreKnownExistBeforeAnythingHappened) {
  const Scraped scraped = scrape(text_of(fresh_snapshot()));
  std::set<std::string> without_a_broker = {"tailrace_kafka_broker_rtt_seconds", "tailrace_kafka_retries_total",
                                            "tailrace_kafka_errors_total"};
  for (const auto& [name, type] : scrape(text_of(sample_snapshot())).types) {
    EXPECT_EQ(scraped.types.contains(name), !without_a_broker.contains(name)) << name;
  }
  for (const char* name :
       {R"(tailrace_lost_bytes_total{tailer="sys",reason="moved"})",
        R"(tailrace_rejected_records_total{sink="main",reason="invalid"})",
        R"(tailrace_delivery_seconds_bucket{sink="main",le="+Inf"})",
        R"(tailrace_rotations_total{tailer="sys",kind="deleted"})", R"(tailrace_checkpoint_fsync_seconds_count)"}) {
    ASSERT_TRUE(scraped.series.contains(name)) << name;
    EXPECT_EQ(std::stod(scraped.series.at(name)), 0) << name;
  }
}

TEST(Metrics, TheProcessIsMeasuredByWhatTheKernelSays) {
  const ProcessUsage usage = process_usage();
  EXPECT_GT(usage.resident_bytes, 1u << 20);
  EXPECT_GE(usage.virtual_bytes, usage.resident_bytes);
  EXPECT_GE(usage.open_fds, 3u);
  EXPECT_GE(usage.open_fds_max, usage.open_fds);
  EXPECT_GE(usage.threads, 1u);
  EXPECT_GT(usage.start_unix_seconds, 1.6e9);
  EXPECT_LT(usage.start_unix_seconds, static_cast<double>(time(nullptr)) + 2);
}

TEST(Metrics, AnOpenDescriptorIsCountedOnce) {
  const std::uint64_t before = process_usage().open_fds;
  const ScratchDirectory scratch;
  const std::ifstream held(scratch.write("held", "x"));
  EXPECT_EQ(process_usage().open_fds, before + 1);
}

// docs/operations.md names exactly the metrics that there are.
TEST(Metrics, AreTheOnesThatTheManualNames) {
  const auto manual = std::filesystem::path(__FILE__).parent_path() / "../../docs/operations.md";
  std::ifstream in(manual);
  ASSERT_TRUE(in) << manual;
  std::set<std::string> named;
  static const std::regex kName("`((tailrace|process)_[a-z0-9_]+)`");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    for (std::sregex_iterator it(line.begin(), line.end(), kName), end; it != end; ++it) named.insert((*it)[1]);
  }
  std::set<std::string> served;
  for (const auto& [name, type] : scrape(text_of(sample_snapshot())).types) served.insert(name);
  EXPECT_EQ(named, served);
}

// The parser that Prometheus' own Python client ships is the judge.
TEST(Metrics, PrometheusOwnParserTakesTheText) {
  if (std::system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null") != 0) {
    GTEST_SKIP() << "python3-prometheus-client is not installed";
  }
  const ScratchDirectory scratch;
  Snapshot snapshot = sample_snapshot();
  snapshot.sinks[0].counters.errors["a \"quoted\" \\ and\nbroken reason"] = 1;
  const std::string text = metrics_text(snapshot, process_usage(), kBuild);
  scratch.write("metrics.txt", text);
  scratch.write("parse.py",
                "import sys\n"
                "from prometheus_client.parser import text_string_to_metric_families as parse\n"
                "families = list(parse(open(sys.argv[1]).read()))\n"
                "assert all(f.type != 'unknown' and f.documentation and f.samples for f in families), families\n"
                "reasons = [s.labels['reason'] for f in families if f.name == 'tailrace_kafka_errors' for s in "
                "f.samples]\n"
                "assert 'a \"quoted\" \\\\ and\\nbroken reason' in reasons, reasons\n"
                "assert len(families) == int(sys.argv[2]), len(families)\n");
  std::size_t families = 0;
  for (std::size_t at = text.find("# TYPE "); at != std::string::npos; at = text.find("# TYPE ", at + 1)) ++families;
  const std::string command =
      "/usr/bin/python3 " + (scratch / "parse.py") + " " + (scratch / "metrics.txt") + " " + std::to_string(families);
  EXPECT_EQ(std::system(command.c_str()), 0) << scratch.read("metrics.txt");
}

}  // namespace
}  // namespace tailrace
