// The broker frozen (connected and silent), then killed, under a writer of 20 MB/s: bounded memory, hardly any CPU, the
// lag true to the byte, nothing lost.
#include <algorithm>
#include <filesystem>
#include <string>

#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/harness/paced_writer.h"
#include "tests/e2e/kafka_fixture.h"
#include "tests/sanitized.h"

namespace tailrace::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kMemory = 64 * kMiB;
constexpr std::uint64_t kRssBound = kMemory + 64 * kMiB + 1024;  // the contract's, for one file
constexpr double kCpuBound = 0.20;                               // of a core
constexpr double kSettleSeconds = 5;                             // after which the CPU counts

struct Load {
  const char* name;
  std::uint32_t bytes_min, bytes_max;  // of a line
  std::uint64_t rate;                  // bytes a second
};

class BrokerTrouble : public KafkaTest, public ::testing::WithParamInterface<Load> {
 protected:
  void SetUp() override { make_topic(); }

  double on_disk() const { return static_cast<double>(std::filesystem::file_size(logs_ / "app.log")); }

  static double lag(const MetricsText& now, const char* stage) {
    return now.find("tailrace_lag_bytes", {{"stage", stage}}).value_or(-1);
  }

  // One look during an outage: whatever the writer does, nothing is said that is not so.
  void look(AgentProcess& agent) {
    const auto now = agent.metrics();
    ASSERT_TRUE(now.has_value()) << "the agent does not answer";
    EXPECT_LE(now->sum("tailrace_acked_bytes_total") + lag(*now, "acked"), on_disk());
    EXPECT_LE(lag(*now, "read"), lag(*now, "acked"));
    EXPECT_LE(lag(*now, "acked"), lag(*now, "durable"));
    const auto stats = agent.stats();
    ASSERT_TRUE(stats.has_value());
    rss_max_ = std::max(rss_max_, stats->rss_bytes_max);
    cpu_seconds_ = stats->cpu_seconds;
  }

  // So long with a broker that does not answer. Returns the agent's CPU, in cores, once it had settled.
  double sit_out(AgentProcess& agent, std::uint64_t length) {
    const Stopwatch watch;
    double cpu_then = 0;
    double then = 0;
    while (watch.seconds() < static_cast<double>(length)) {
      look(agent);
      if (HasFatalFailure()) return 0;
      if (then == 0 && watch.seconds() >= kSettleSeconds) {
        cpu_then = cpu_seconds_;
        then = watch.seconds();
      }
      pause(milliseconds(500));
    }
    look(agent);
    return (cpu_seconds_ - cpu_then) / (watch.seconds() - then);
  }

  // With the writer held for a moment, lag and acknowledged bytes must be the file, to the byte.
  void expect_exact_lag(AgentProcess& agent, PacedWriter& writer) {
    writer.between_writes([&](LineWriter&) {
      const auto is_exact = [&](const MetricsText& now) {
        return now.sum("tailrace_acked_bytes_total") + lag(now, "acked") == on_disk();
      };
      EXPECT_TRUE(agent.wait_metrics(is_exact, seconds(30))) << "lag and acknowledged bytes are not what is on disk";
    });
  }

  struct Outage {
    std::string name;
    void (Broker::*begin)();
    void (Broker::*end)();
  };

  // A writer writes, the broker goes and comes back, the writer stops, and all that it wrote arrives. Returns as
  // sit_out.
  double suffer(AgentProcess& agent, LineWriter& lines, std::uint64_t rate, std::uint64_t length,
                const Outage& outage) {
    double cpu = 0;
    PacedWriter writer(lines, rate);
    const double before = static_cast<double>(writer.bytes_written());
    const auto is_shipping = [&](const MetricsText& now) {
      return now.sum("tailrace_acked_bytes_total") > before + static_cast<double>(rate) / 4;
    };
    [&] {
      ASSERT_TRUE(agent.wait_metrics(is_shipping, seconds(60)));
      (broker_.*outage.begin)();
      cpu = sit_out(agent, length);
      expect_exact_lag(agent, writer);
      EXPECT_EQ(agent.metric("tailrace_sink_up"), 0.0);
    }();
    (broker_.*outage.end)();
    writer.stop();
    const Stopwatch recovery;
    EXPECT_TRUE(agent.wait_shipped(lines.bytes_written(), seconds(240)));  // the lag returns to 0
    figure("recovery_seconds_" + outage.name, recovery.seconds());
    look(agent);
    return cpu;
  }

  std::uint64_t rss_max_ = 0;
  double cpu_seconds_ = 0;
};

TEST_P(BrokerTrouble, FrozenThenKilledBoundsMemoryAndCpuAndLosesNothing) {
  const Load load = GetParam();
  const std::uint64_t outage = setting("TAILRACE_E2E_OUTAGE_SECONDS", 15);
  LineWriter lines({.writer = "w", .seed = 9, .bytes_min = load.bytes_min, .bytes_max = load.bytes_max},
                   logs_ / "app.log");
  AgentProcess agent(config("app.log"));
  ASSERT_TRUE(agent.start_ready());

  const double cpu_frozen = suffer(agent, lines, load.rate, outage, {"frozen", &Broker::freeze, &Broker::thaw});
  ASSERT_FALSE(HasFatalFailure());
  const double cpu_killed = suffer(agent, lines, load.rate, outage, {"killed", &Broker::kill9, &Broker::restart});
  ASSERT_FALSE(HasFatalFailure());
  const auto last = agent.metrics();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->sum("tailrace_lost_bytes_total"), 0);
  EXPECT_EQ(agent.terminate(), kSuccess);

  StreamVerifier verifier;
  verifier.expect(lines);
  read_back(verifier);
  const StreamReport report = verifier.report();
  std::cout << "  " << report.text() << "\n";
  figure("cpu_frozen", cpu_frozen);
  figure("cpu_killed", cpu_killed);
  figure("rss_mib_max", static_cast<double>(rss_max_) / kMiB);
  figure("producers_rebuilt", last->sum("tailrace_rebuilt_producers_total"));
  figure("rewound_bytes", last->sum("tailrace_rewound_bytes_total"));

  EXPECT_TRUE(report.has_no_loss_in_order()) << report.text();
  if (last->sum("tailrace_rebuilt_producers_total") == 0) {
    EXPECT_EQ(report.doubled_lines, 0u);
  }
  EXPECT_LE(report.doubled_bytes, kMemory);
  EXPECT_LE(static_cast<double>(report.doubled_bytes), last->sum("tailrace_rewound_bytes_total"));  // counted
  if (kIsSanitized) return;  // memory and CPU mean nothing there
  EXPECT_LE(rss_max_, kRssBound);
  EXPECT_LE(cpu_frozen, kCpuBound);
  EXPECT_LE(cpu_killed, kCpuBound);
}

// 20-byte lines are a million records a second.
INSTANTIATE_TEST_SUITE_P(Loads, BrokerTrouble,
                         ::testing::Values(Load{"Lines", 150, 250, 20'000'000}, Load{"TinyLines", 19, 19, 20'000'000}),
                         [](const auto& load) { return std::string(load.param.name); });

}  // namespace
}  // namespace tailrace::e2e
