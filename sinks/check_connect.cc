#include "sinks/check_connect.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <thread>

#include "config/template.h"
#include "sinks/broker_cause.h"
#include "sinks/rdkafka_describe.h"
#include "sinks/rdkafka_handle.h"
#include "sinks/sink_factory.h"

namespace tailrace {
namespace {

// A client for the check. What keeps it from brokers is only in its error events, not in the answers to its questions.
class Probe {
 public:
  // `brokers`: of `sink`'s, or one of them.
  Status make(SinkConfig sink, std::vector<std::string> brokers, const std::string& client_id) {
    sink.brokers = std::move(brokers);
    Result<RdKafkaPtr<rd_kafka_conf_t>> conf =
        make_rdkafka_conf(without_commands(std::move(sink)), {.client_id = client_id, .wake = {}});
    if (!conf) return std::move(conf).error();
    rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    Result<RdKafkaPtr<rd_kafka_t>> handle = make_rdkafka_producer(*std::move(conf), false);
    if (!handle) return std::move(handle).error();
    handle_ = *std::move(handle);
    queue_.reset(rd_kafka_queue_get_main(handle_.get()));
    rd_kafka_set_log_queue(handle_.get(), queue_.get());
    return {};
  }

  rd_kafka_t* get() const { return handle_.get(); }

  // What was said of `address` ("": of any), or of no single broker; "" when nothing was.
  std::string cause(const std::string& address) {
    while (const RdKafkaPtr<rd_kafka_event_t> event{rd_kafka_queue_poll(queue_.get(), 0)}) {
      if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) continue;
      const std::string name = trouble_name(rd_kafka_event_error(event.get()));
      if (name == "all_brokers_down") continue;
      BrokerCause cause = cause_of({.name = name, .text = rd_kafka_event_error_string(event.get())});
      // A broker that hangs up in the middle of it says less than one that says why.
      std::string& known = causes_[cause.address];
      if (known.empty() || cause.kind != BrokerCause::Kind::address) known = cause.text;
    }
    if (address.empty() && !causes_.empty()) return causes_.rbegin()->second;
    const auto found = causes_.find(address);
    return found != causes_.end() ? found->second : causes_[""];
  }

 private:
  RdKafkaPtr<rd_kafka_t> handle_;
  RdKafkaPtr<rd_kafka_queue_t> queue_;  // after the handle: destroyed before it
  std::map<std::string, std::string> causes_;
};

// One address of the config, asked by a client and a thread of its own, so that those that do not answer are waited for
// together.
struct AddressProbe {
  std::string address;
  Status reached;
  std::thread thread;
};

void ask(const SinkConfig& sink, const std::string& client_id, Duration timeout, AddressProbe& probe) {
  Probe client;
  if (probe.reached = client.make(sink, {probe.address}, client_id); !probe.reached) return;
  const RdKafkaMetadata answer = rdkafka_metadata(client.get(), "", timeout);
  if (answer.found) return;
  const std::string cause = client.cause("");  // it knows of this one only
  probe.reached = Error(ErrorKind::again, cause.empty() ? "no answer" : cause);
}

class Check {
 public:
  Check(const SinkConfig& sink, const Config& config, Duration timeout, std::vector<std::string>& lines)
      : sink_(sink), config_(config), timeout_(timeout), lines_(lines) {}

  Status run() {
    const Result<Template> topic = Template::parse(sink_.topic);
    if (!topic) return Error(topic.error());
    // A topic that depends on the file is not known here; its brokers are reached all the same.
    is_topic_known_ = topic->is_constant();
    topic_ = is_topic_known_ ? topic_name(topic->expand({})) : "";
    if (Status made = probe_.make(sink_, sink_.brokers, config_.agent.name); !made) return made;
    ask_addresses();
    if (silent_.size() == sink_.brokers.size())
      return Error(ErrorKind::again,
                   fmt::format("sink {}: no broker answers: {}", sink_.name, fmt::join(silent_, ", ")));
    const Status topic_told = reach();
    if (silent_.empty()) return topic_told;
    if (!topic_told) say(topic_told.error().text());
    return Error(ErrorKind::again,
                 fmt::format("sink {}: {} not answer: {}", sink_.name,
                             silent_.size() == 1 ? "a broker does" : "brokers do", fmt::join(silent_, ", ")));
  }

 private:
  void say(const std::string& text) { lines_.push_back("sink " + sink_.name + ": " + text); }

  // Each address that the config names: an agent starts by any of them.
  void ask_addresses() {
    std::list<AddressProbe> probes;
    for (const std::string& address : sink_.brokers) {
      AddressProbe& probe = probes.emplace_back(AddressProbe{.address = address, .reached = {}, .thread = {}});
      try {
        probe.thread = std::thread(ask, std::cref(sink_), std::cref(config_.agent.name), timeout_, std::ref(probe));
      } catch (const std::system_error&) {
        ask(sink_, config_.agent.name, timeout_, probe);
      }
    }
    for (AddressProbe& probe : probes) {
      if (probe.thread.joinable()) probe.thread.join();
      if (!probe.reached) note_silent(probe.address, probe.reached.error().text());
    }
  }

  void note_silent(const std::string& address, const std::string& cause) {
    say(fmt::format("broker {}: {}", address, cause));
    silent_.push_back(address);
  }

  Status reach() {
    const RdKafkaMetadata answer = rdkafka_metadata(probe_.get(), topic_, timeout_);
    if (!answer.found) {
      return Error(ErrorKind::again, fmt::format("sink {}: no broker answers: {}", sink_.name,
                                                 rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(answer.error))));
    }
    reach_brokers(*answer.found);
    if (is_topic_known_) return look_at(answer.found->topics[0]);
    say(fmt::format("topic {} depends on the file: not checked", sink_.topic));
    return {};
  }

  void reach_brokers(const rd_kafka_metadata_t& metadata) {
    for (int i = 0; i < metadata.broker_cnt; ++i) {
      const rd_kafka_metadata_broker_t& broker = metadata.brokers[i];
      const std::string address = fmt::format("{}:{}", broker.host, broker.port);
      const std::string name = fmt::format("{} ({})", broker.id, address);
      if (std::find(silent_.begin(), silent_.end(), address) != silent_.end()) continue;  // was told
      const auto settings =
          rdkafka_describe(probe_.get(), RdKafkaResource::broker, std::to_string(broker.id), timeout_);
      if (settings) {
        say(fmt::format("broker {}: reached", name));
      } else if (settings.error().kind() == ErrorKind::refused) {
        say(fmt::format("broker {}: reached; its settings cannot be read: {}", name, settings.error().text()));
      } else {
        const std::string cause = probe_.cause(address);
        note_silent(name, cause.empty() ? settings.error().text() : cause);
      }
    }
  }

  Status look_at(const rd_kafka_metadata_topic_t& topic) {
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return Error(ErrorKind::again,
                   fmt::format("sink {}: topic {}: {}", sink_.name, topic_, rd_kafka_err2str(topic.err)));
    std::set<int> replicas;
    int leaderless = 0;
    for (int i = 0; i < topic.partition_cnt; ++i) {
      replicas.insert(topic.partitions[i].replica_cnt);
      if (topic.partitions[i].leader < 0) ++leaderless;
    }
    const int fewest = replicas.empty() ? 0 : *replicas.begin();
    say(fmt::format("topic {}: {} partitions, {} replicas", topic_, topic.partition_cnt, fewest));
    if (leaderless > 0)
      say(fmt::format("topic {}: {} partitions have no leader now: their files wait", topic_, leaderless));
    compare_limits(fewest);
    return {};
  }

  void compare_limits(int replicas) {
    const auto settings = rdkafka_describe(probe_.get(), RdKafkaResource::topic, topic_, timeout_);
    if (!settings) {
      say(fmt::format("topic {}: its limits cannot be read: {}", topic_, settings.error().text()));
      return;
    }
    const std::uint64_t line = line_bytes_max(sink_, config_);
    if (const auto limit = rdkafka_number(settings->values, "max.message.bytes"); limit && line + 512 > *limit)
      say(
          fmt::format("topic {}: max.message.bytes is {}, max_line is {}: longer lines may be refused; lower max_line "
                      "or raise the topic's limit",
                      topic_, *limit, line));
    if (const auto insync = rdkafka_number(settings->values, "min.insync.replicas");
        insync && sink_.acks == Acks::all && (*insync < 2 || replicas < 2))
      say(
          fmt::format("topic {}: {} replicas, min.insync.replicas = {}: acks = \"all\" is one broker's word: what it "
                      "acknowledged is lost with its disk",
                      topic_, replicas, *insync));
    if (const auto policy = settings->values.find("cleanup.policy");
        policy != settings->values.end() && policy->second.find("compact") != std::string::npos)
      say(fmt::format("topic {}: is compacted: records without a key are refused", topic_));
    if (sink_.acks != Acks::all)
      say("acks is not \"all\": what a broker acknowledged is lost if it fails before the others have it");
  }

  const SinkConfig& sink_;
  const Config& config_;
  Duration timeout_;
  std::vector<std::string>& lines_;
  Probe probe_;
  std::vector<std::string> silent_;  // brokers that do not answer
  std::string topic_;
  bool is_topic_known_ = false;
};

}  // namespace

Status try_client(const SinkConfig& sink, const Config& config) {
  if (sink.type != SinkType::kafka) return {};
  return try_rdkafka(sink, config.agent.name);
}

Status check_connect(const SinkConfig& sink, const Config& config, Duration timeout, std::vector<std::string>& lines) {
  if (sink.type != SinkType::kafka) return {};
  return Check(sink, config, timeout, lines).run();
}

}  // namespace tailrace
