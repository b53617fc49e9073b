#include "sinks/check_connect.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <optional>
#include <set>

#include "config/template.h"
#include "sinks/rdkafka_describe.h"
#include "sinks/rdkafka_handle.h"
#include "sinks/sink_factory.h"

namespace tailrace {
namespace {

int milliseconds_of(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

class Check {
 public:
  Check(const SinkConfig& sink, const Config& config, Duration timeout, std::vector<std::string>& lines)
      : sink_(sink), config_(config), timeout_(timeout), lines_(lines) {}

  Status run() {
    Result<RdKafkaPtr<rd_kafka_conf_t>> conf =
        make_rdkafka_conf(without_commands(sink_), {.client_id = config_.agent.name, .wake = {}});
    if (!conf) return std::move(conf).error();
    rd_kafka_conf_set_log_cb(conf->get(), nullptr);
    Result<RdKafkaPtr<rd_kafka_t>> handle = make_rdkafka_producer(*std::move(conf), false);
    if (!handle) return std::move(handle).error();
    handle_ = *std::move(handle);
    const Result<Template> topic = Template::parse(sink_.topic);
    if (!topic) return Error(topic.error());
    // A topic that depends on the file is not known here; its brokers are reached all the same.
    is_topic_known_ = topic->is_constant();
    topic_ = is_topic_known_ ? topic_name(topic->expand({})) : "";
    return reach();
  }

 private:
  void say(const std::string& text) { lines_.push_back("sink " + sink_.name + ": " + text); }

  Status reach() {
    const rd_kafka_metadata_t* raw = nullptr;
    RdKafkaMetadata answer;
    if (is_topic_known_) {
      answer = rdkafka_metadata(handle_.get(), topic_, timeout_);
    } else {
      answer.error = rd_kafka_metadata(handle_.get(), 0, nullptr, &raw, milliseconds_of(timeout_));
      answer.found.reset(raw);
    }
    if (!answer.found) {
      return Error(ErrorKind::again, fmt::format("sink {}: no broker answers: {}", sink_.name,
                                                 rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(answer.error))));
    }
    const Status brokers = reach_brokers(*answer.found);
    if (!is_topic_known_) {
      say(fmt::format("topic {} depends on the file: not checked", sink_.topic));
      return brokers;
    }
    const Status topic = look_at(answer.found->topics[0]);
    return brokers ? topic : brokers;
  }

  Status reach_brokers(const rd_kafka_metadata_t& metadata) {
    std::optional<Error> first;
    for (int i = 0; i < metadata.broker_cnt; ++i) {
      const rd_kafka_metadata_broker_t& broker = metadata.brokers[i];
      const std::string name = fmt::format("broker {} ({}:{})", broker.id, broker.host, broker.port);
      const auto settings =
          rdkafka_describe(handle_.get(), RdKafkaResource::broker, std::to_string(broker.id), timeout_);
      if (settings) {
        say(name + ": reached");
      } else if (settings.error().kind() == ErrorKind::refused) {
        say(name + ": reached; its settings cannot be read: " + settings.error().text());
      } else if (!first) {
        first = Error(ErrorKind::again, "sink " + sink_.name + ": " + name + ": " + settings.error().text());
      }
    }
    return first ? Status(*first) : Status();
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
    const auto settings = rdkafka_describe(handle_.get(), RdKafkaResource::topic, topic_, timeout_);
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
  RdKafkaPtr<rd_kafka_t> handle_;
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
