// A broker that is connected and silent, frozen or behind a network that swallows everything, under 20 MB/s: nothing is
// lost, doubled or reordered, no producer is replaced, and it goes on by itself. `make bench B=silence` measures CPU
// and times, and sits out the long ones.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/harness/stream.h"
#include "tests/e2e/kafka_fixture.h"

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;

constexpr seconds kSoon{60};

class Silence : public KafkaTest {
 protected:
  // One partition and twelve, two agents, at the same time.
  void make_streams(const std::string& bootstrap) {
    for (const int partitions : {1, 12}) {
      topics_.push_back(std::make_unique<Topic>(broker_, "silence-" + std::to_string(partitions),
                                                TopicOptions{.partitions = partitions, .replicas = 1, .config = {}}));
      streams_.push_back(std::make_unique<Stream>(StreamOptions{
          .topic = topics_.back()->name(), .partitions = partitions, .files = partitions, .brokers = bootstrap}));
    }
  }

  void expect_shipping() {
    for (const auto& stream : streams_) ASSERT_TRUE(stream->wait_more_acked(10'000'000, kSoon));
  }

  // Under load; then all is read back.
  void suffer(const std::vector<seconds>& lengths, const std::function<void()>& begin,
              const std::function<void()>& end) {
    for (const auto& stream : streams_) {
      ASSERT_TRUE(stream->agent().start_ready());
      stream->write();
    }
    for (const seconds length : lengths) {
      expect_shipping();
      if (HasFatalFailure()) return;
      begin();
      pause(length);
      end();
    }
    expect_shipping();
    for (const auto& stream : streams_) stream->stop_writing();
    for (const auto& stream : streams_) {
      EXPECT_TRUE(stream->wait_shipped(kSoon));
      EXPECT_EQ(stream->agent().metric("tailrace_rebuilt_producers_total"), 0.0);
      EXPECT_EQ(stream->agent().metric("tailrace_rewound_bytes_total"), 0.0);
      EXPECT_EQ(stream->agent().terminate(), kSuccess);
      const StreamReport report = stream->read_back(broker_.bootstrap());
      std::cout << "  " << report.text() << "\n";
      EXPECT_TRUE(report.is_exactly_once_in_order()) << report.text();
    }
  }

  std::vector<std::unique_ptr<Topic>> topics_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

TEST_F(Silence, OfAFrozenBrokerDoublesNothing) {
  make_streams(broker_.bootstrap());
  suffer({seconds(4), seconds(10)}, [&] { broker_.freeze(); }, [&] { broker_.thaw(); });
}

TEST_F(Silence, OfANetworkThatSwallowsDoublesNothing) {
  make_streams(broker_.proxied_bootstrap());
  std::vector<seconds> lengths = {seconds(3)};
  if (is_full()) lengths.push_back(seconds(10));
  suffer(lengths, [&] { broker_.proxy().stall(); }, [&] { broker_.proxy().let_go(); });
}

// SIGTERM while nobody answers: it ends in its time, and the next life ships what was not acknowledged. What was in
// flight may come twice. A line that is written meanwhile, the first of its topic, arrives too.
TEST_F(Silence, AStopInItLosesNothing) {
  const Topic topic(broker_, "silence-stop", {});
  const Topic quiet_topic(broker_, "silence-first", {});
  Stream stream({.topic = topic.name(), .brokers = broker_.bootstrap(), .agent_lines = "shutdown_timeout = \"2s\""});
  Stream quiet({.topic = quiet_topic.name(), .brokers = broker_.bootstrap()});
  ASSERT_TRUE(stream.agent().start_ready());
  ASSERT_TRUE(quiet.agent().start_ready());
  stream.write();
  ASSERT_TRUE(stream.wait_more_acked(10'000'000, kSoon));
  broker_.freeze();
  quiet.write_lines(1);
  const auto is_down = [](const MetricsText& now) { return now.find("tailrace_sink_up") == 0.0; };
  EXPECT_TRUE(stream.agent().wait_metrics(is_down, kSoon));
  EXPECT_TRUE(quiet.agent().wait_metrics(is_down, kSoon));
  stream.stop_writing();
  const double in_flight = stream.agent().metric("tailrace_inflight_records").value_or(-1);
  EXPECT_EQ(stream.agent().terminate(), kSuccess);
  broker_.thaw();
  EXPECT_TRUE(quiet.wait_shipped(kSoon));
  ASSERT_TRUE(stream.agent().start_ready());
  EXPECT_TRUE(stream.agent().wait_shipped(0, kSoon));
  EXPECT_EQ(stream.agent().terminate(), kSuccess);
  EXPECT_EQ(quiet.agent().terminate(), kSuccess);
  const StreamReport report = stream.read_back(broker_.bootstrap());
  std::cout << "  " << report.text() << "\n";
  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  std::cout << "  in flight at the stop: " << in_flight << "\n";
  EXPECT_LE(static_cast<double>(report.doubled_lines), in_flight);
  const StreamReport first = quiet.read_back(broker_.bootstrap());
  EXPECT_TRUE(first.is_exactly_once_in_order()) << first.text();
}

}  // namespace
}  // namespace tailrace::e2e
