// The simulated cluster and its clients: KafkaClientSuite. Its fault model is tried by the worlds themselves.
#include "tests/sim/world/sim_cluster.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sinks/kafka_client_suite.h"

namespace tailrace::sim {
namespace {

class SimulatedCluster {
 public:
  SimulatedCluster() {
    cluster_.on_record(
        [this](const std::string&, std::int32_t partition, std::string_view text, bool is_refused, bool) {
          if (!is_refused) stored_[partition].emplace_back(text);
        });
    cluster_.on_breach([](const std::string& what) { ADD_FAILURE() << what; });
  }
  Result<std::unique_ptr<KafkaClient>> make_client(const KafkaClientOptions& options) {
    return cluster_.factory()(SinkConfig(), options);
  }
  std::vector<std::string> stored(std::int32_t partition, std::size_t) { return stored_[partition]; }
  // Time passes until something is due, as in a world: a wake-up that is missing hangs.
  bool wait(EventFd& wake) {
    for (;;) {
      pollfd ready{.fd = wake.fd(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 0) == 1) return true;
      const Instant next = cluster_.next_event();
      if (next == kNever) return false;
      if (next > clock_.now()) clock_.advance(next - clock_.now());
      cluster_.advance();
    }
  }
  void set_away(bool is_away) { cluster_.set_mood(is_away ? SimCluster::Mood::away : SimCluster::Mood::up); }
  void set_silent(bool is_silent) { cluster_.set_mood(is_silent ? SimCluster::Mood::silent : SimCluster::Mood::up); }
  void set_topic_unknown(bool is_unknown) { is_unknown ? cluster_.deny({}) : cluster_.allow(); }
  void refuse_next_request() { cluster_.refuse(1); }

 private:
  SimClock clock_;
  SimCluster cluster_{clock_, 5, 2};
  std::map<std::int32_t, std::vector<std::string>> stored_;
};

}  // namespace
}  // namespace tailrace::sim

namespace tailrace {
INSTANTIATE_TYPED_TEST_SUITE_P(Simulated, KafkaClientSuite, sim::SimulatedCluster);
}  // namespace tailrace
