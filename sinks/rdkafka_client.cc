#include "sinks/rdkafka_client.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/signals_blocked.h"
#include "sinks/broker_cause.h"
#include "sinks/broker_connections.h"
#include "sinks/rdkafka_describe.h"
#include "sinks/rdkafka_feeder.h"
#include "sinks/rdkafka_handle.h"
#include "sinks/rdkafka_question.h"
#include "sinks/thread_clocks.h"

namespace tailrace {
namespace {

constexpr Duration kMetadataTimeout = std::chrono::seconds(3);
constexpr std::uint64_t kReportsPerPoll = 100'000;  // about 5 ms of a turn
constexpr std::uint64_t kWakeOne = 1;               // what librdkafka writes into the eventfd

using StatisticsMap = std::map<std::string, BrokerStatistics>;

// What the loop and the keeper share. Lives until both are done with it: the keeper may outlast the client by the time
// that rd_kafka_destroy takes.
struct Shared {
  // Kept by librdkafka's threads, so destroyed after the handle (members die in reverse).
  ThreadClocks clocks;
  BrokerConnections connections;
  std::shared_ptr<EventFd> wake;
  RdKafkaPtr<rd_kafka_t> handle;
  std::unique_ptr<RdKafkaFeeder> feeder;  // used by the loop until the client is retired, ended by the keeper

  std::mutex mutex;  // guards what follows; never held over a call into librdkafka
  std::condition_variable changed;
  std::deque<std::string> asked;          // topics
  std::set<std::string> described;        // topics whose limit was asked for
  std::optional<std::string> statistics;  // the last document, not yet read
  bool is_retired = false;
  bool is_gone = false;
  std::vector<TopicAnswer> answers;
  std::map<std::int32_t, std::string> addresses;  // of brokers, by id: "HOST:PORT"
  std::optional<StatisticsMap> digested;          // not yet polled
};

rd_kafka_resp_err_t on_thread_start(rd_kafka_t*, rd_kafka_thread_type_t, const char* name, void* opaque) {
  static_cast<ThreadClocks*>(opaque)->enter(address_in(name));
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_thread_exit(rd_kafka_t*, rd_kafka_thread_type_t, const char*, void* opaque) {
  static_cast<ThreadClocks*>(opaque)->leave();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

// On a broker's thread, which holds that broker's lock: nothing of librdkafka may be called.
rd_kafka_resp_err_t on_broker_state(rd_kafka_t*, std::int32_t, const char*, const char* name, int port,
                                    const char* state, void* opaque) {
  auto* shared = static_cast<Shared*>(opaque);
  shared->connections.note(name, port, state, *shared->wake);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t on_new_connections(rd_kafka_t* handle, const rd_kafka_conf_t*, void* opaque, char*, std::size_t) {
  return rd_kafka_interceptor_add_on_broker_state_change(handle, "connections", on_broker_state, opaque);
}

rd_kafka_resp_err_t on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* opaque, char*, std::size_t) {
  const rd_kafka_resp_err_t start = rd_kafka_interceptor_add_on_thread_start(handle, "clocks", on_thread_start, opaque);
  if (start != RD_KAFKA_RESP_ERR_NO_ERROR) return start;
  return rd_kafka_interceptor_add_on_thread_exit(handle, "clocks", on_thread_exit, opaque);
}

StatisticsMap read_statistics(const std::string& text) {
  StatisticsMap found;
  const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("brokers")) return found;
  for (const auto& [name, broker] : document["brokers"].items()) {
    if (!broker.is_object() || broker.value("nodeid", -1) < 0) continue;  // bootstrap and logical ones
    BrokerStatistics& one = found[broker.value("nodename", name)];
    one.retries += broker.value("txretries", std::uint64_t{0});
    if (broker.contains("rtt")) one.rtt_seconds = broker["rtt"].value("avg", 0.0) / 1e6;
  }
  return found;
}

// The client's own thread, for the calls that wait: metadata, and the end.
class Keeper {
 public:
  static void run(const std::shared_ptr<Shared>& shared) {
    std::unique_lock lock(shared->mutex);
    while (!shared->is_retired) {
      if (!shared->asked.empty()) {
        answer(*shared, lock);
      } else if (shared->statistics) {
        digest(*shared, lock);
      } else {
        shared->changed.wait(lock);
      }
    }
    lock.unlock();
    end(*shared);
  }

 private:
  static void answer(Shared& shared, std::unique_lock<std::mutex>& lock) {
    const std::string topic = std::move(shared.asked.front());
    shared.asked.pop_front();
    lock.unlock();
    RdKafkaAnswer found = rdkafka_ask(shared.handle.get(), topic, kMetadataTimeout, [&shared] {
      const std::lock_guard inner(shared.mutex);
      return shared.is_retired;
    });
    const bool is_known = !topic.empty() && found.answer.fault == KafkaFault::none;
    lock.lock();
    shared.answers.push_back(std::move(found.answer));
    for (auto& [id, address] : found.addresses) shared.addresses[id] = std::move(address);
    shared.wake->signal();
    // Without waiting: where nobody can answer, the next question would be late.
    if (is_known && shared.described.insert(topic).second) {
      const RdKafkaPtr<rd_kafka_queue_t> queue(rd_kafka_queue_get_main(shared.handle.get()));
      rdkafka_ask_settings(shared.handle.get(), RdKafkaResource::topic, topic, kMetadataTimeout, queue.get());
    }
  }

  static void digest(Shared& shared, std::unique_lock<std::mutex>& lock) {
    const std::string text = std::move(*shared.statistics);
    shared.statistics.reset();
    lock.unlock();
    StatisticsMap found = read_statistics(text);
    lock.lock();
    shared.digested = std::move(found);
  }

  static void end(Shared& shared) {
    shared.feeder.reset();  // was stopped; a call into librdkafka may still be under way
    // Without the purge, destroy would wait for what a silent broker never answers.
    rd_kafka_purge(shared.handle.get(),
                   RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    shared.handle.reset();
    const std::lock_guard lock(shared.mutex);
    shared.is_gone = true;
    shared.changed.notify_all();
    shared.wake->signal();
  }
};

LogLevel level_of(int syslog_level) {
  // A broker that is away is told once, by the sink; librdkafka's line a reconnect is for debugging.
  if (syslog_level <= 2) return LogLevel::error;
  return syslog_level <= 5 ? LogLevel::debug : LogLevel::trace;
}

class RdKafkaClient final : public KafkaClient {
 public:
  explicit RdKafkaClient(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {
    queue_.reset(rd_kafka_queue_get_main(shared_->handle.get()));
    rd_kafka_set_log_queue(shared_->handle.get(), queue_.get());
    rd_kafka_queue_io_event_enable(queue_.get(), shared_->wake->fd(), &kWakeOne, sizeof kWakeOne);
  }

  ~RdKafkaClient() override {
    if (!is_retired_) RdKafkaClient::retire();
  }

  void produce(const std::string& topic, std::int32_t partition, std::vector<KafkaRecord> records) override {
    if (!is_retired_ && !records.empty()) shared_->feeder->hand_over(topic, partition, std::move(records));
  }
  void park(const std::vector<PartitionName>& partitions) override {
    if (!is_retired_) shared_->feeder->pause(partitions, true);
  }
  void resume(const std::vector<PartitionName>& partitions) override {
    if (!is_retired_) shared_->feeder->pause(partitions, false);
  }
  void give_back_queued() override {
    if (!is_retired_) shared_->feeder->purge_queue();
  }

  void request_metadata(const std::string& topic) override {
    const std::lock_guard lock(shared_->mutex);
    shared_->asked.push_back(topic);
    shared_->changed.notify_all();
  }

  void set_credentials(const std::string& username, const std::string& password) override {
    if (is_retired_) return;
    rd_kafka_error_t* error = rd_kafka_sasl_set_credentials(shared_->handle.get(), username.c_str(), password.c_str());
    if (error != nullptr) rd_kafka_error_destroy(error);  // only of pointers that are null
  }

  void poll(KafkaEvents& events) override {
    if (is_retired_) return;
    const std::size_t before = events.reports.size();
    shared_->feeder->take_refused(events.reports);
    may_be_fatal_ = may_be_fatal_ || events.reports.size() > before;
    std::uint64_t reports = 0;
    while (reports < kReportsPerPoll) {
      const RdKafkaPtr<rd_kafka_event_t> event(rd_kafka_queue_poll(queue_.get(), 0));
      if (!event) break;
      reports += serve(event.get(), events);
    }
    ask_fatal(events);
    // The queue wakes only when it turns from empty to not empty.
    if (reports >= kReportsPerPoll) shared_->wake->signal();
    shared_->connections.take(events.connections);
    const std::lock_guard lock(shared_->mutex);
    for (TopicAnswer& answer : shared_->answers) events.answers.push_back(std::move(answer));
    shared_->answers.clear();
    if (!shared_->digested) return;
    statistics_ = *std::move(shared_->digested);
    shared_->digested.reset();
    events.has_statistics = true;
  }

  Duration cpu_time(std::int32_t broker) const override {
    std::string address;
    {
      const std::lock_guard lock(shared_->mutex);
      if (const auto found = shared_->addresses.find(broker); found != shared_->addresses.end())
        address = found->second;
    }
    return shared_->clocks.used(address);
  }
  const std::map<std::string, BrokerStatistics>& statistics() const override { return statistics_; }

  void retire() override {
    if (std::exchange(is_retired_, true)) return;
    rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
    queue_.reset();
    shared_->feeder->stop();
    const std::lock_guard lock(shared_->mutex);
    shared_->is_retired = true;
    shared_->changed.notify_all();
  }

  bool is_gone() const override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->is_gone;
  }

  bool wait_gone(Duration bound) override {
    std::unique_lock lock(shared_->mutex);
    return shared_->changed.wait_for(lock, bound, [this] { return shared_->is_gone; });
  }

 private:
  // How many reports it held.
  std::uint64_t serve(rd_kafka_event_t* event, KafkaEvents& events) {
    switch (rd_kafka_event_type(event)) {
      case RD_KAFKA_EVENT_DR:
        return serve_reports(event, events);
      case RD_KAFKA_EVENT_ERROR:
        serve_error(event, events);
        break;
      case RD_KAFKA_EVENT_LOG:
        serve_log(event);
        break;
      case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
        serve_settings(event, events);
        break;
      case RD_KAFKA_EVENT_STATS: {
        const std::lock_guard lock(shared_->mutex);
        shared_->statistics = rd_kafka_event_stats(event);
        shared_->changed.notify_all();
        break;
      }
      default:
        break;
    }
    return 0;
  }

  std::uint64_t serve_reports(rd_kafka_event_t* event, KafkaEvents& events) {
    std::uint64_t sum = 0;
    std::array<const rd_kafka_message_t*, 256> messages{};
    while (const std::size_t count = rd_kafka_event_message_array(event, messages.data(), messages.size())) {
      for (std::size_t i = 0; i < count; ++i) {
        add_report(*messages[i], events.reports);
        may_be_fatal_ = may_be_fatal_ || messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR;
      }
      sum += count;
    }
    return sum;
  }

  // A request's reports come in order, so delivered ones of a batch fold into one value.
  static void add_report(const rd_kafka_message_t& message, std::vector<DeliveryReport>& reports) {
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      reports.push_back(report_of(message, message.err));
      return;
    }
    const auto token = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(message._private));
    if (!reports.empty() && reports.back().token == token && reports.back().fault == KafkaFault::none) {
      ++reports.back().count;
    } else {
      reports.push_back({.token = token, .count = 1});
    }
  }

  void serve_error(rd_kafka_event_t* event, KafkaEvents& events) {
    may_be_fatal_ = true;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__FATAL)
      events.troubles.push_back({trouble_name(rd_kafka_event_error(event)), rd_kafka_event_error_string(event)});
  }

  // Asked for after whatever went wrong: the event that should tell it alone does not come in every case (2.0.2 told
  // only of an out of order sequence number, and then failed all that it was given).
  void ask_fatal(KafkaEvents& events) {
    if (!std::exchange(may_be_fatal_, false)) return;
    std::array<char, 512> text{};
    const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(shared_->handle.get(), text.data(), text.size());
    if (cause == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    events.fatal = fmt::format("{}: {}", rd_kafka_err2name(cause), text.data());
  }

  // Nothing where the brokers do not tell: no permission, or none that knows the question.
  static void serve_settings(rd_kafka_event_t* event, KafkaEvents& events) {
    const auto settings = rdkafka_read_settings(event);
    if (!settings) return;
    if (const auto limit = rdkafka_number(settings->values, "max.message.bytes"); limit)
      events.limits.push_back({.topic = settings->name, .request_bytes_max = *limit});
  }

  static void serve_log(rd_kafka_event_t* event) {
    const char* facility = nullptr;
    const char* text = nullptr;
    int level = 7;
    if (rd_kafka_event_log(event, &facility, &text, &level) != 0) return;
    if (log::enabled(level_of(level))) log::write(level_of(level), fmt::format("librdkafka: {}: {}", facility, text));
  }

  std::shared_ptr<Shared> shared_;
  RdKafkaPtr<rd_kafka_queue_t> queue_;
  StatisticsMap statistics_;
  bool may_be_fatal_ = false;
  bool is_retired_ = false;
};

}  // namespace

Result<std::unique_ptr<KafkaClient>> make_rdkafka_client(const SinkConfig& config, const KafkaClientOptions& options) {
  auto conf = make_rdkafka_conf(config, options);
  if (!conf) return std::move(conf).error();
  rd_kafka_conf_set_events(conf->get(),
                           RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS);
  auto shared = std::make_shared<Shared>();
  shared->wake = options.wake;
  rd_kafka_conf_interceptor_add_on_new(conf->get(), "clocks", on_new, &shared->clocks);
  rd_kafka_conf_interceptor_add_on_new(conf->get(), "connections", on_new_connections, shared.get());
  auto handle = make_rdkafka_producer(*std::move(conf), true);
  if (!handle) return std::move(handle).error();
  shared->handle = *std::move(handle);
  auto feeder = RdKafkaFeeder::start(shared->handle.get(), options.wake);
  if (!feeder) return std::move(feeder).error();
  shared->feeder = *std::move(feeder);
  try {
    const SignalsBlocked blocked;
    std::thread(Keeper::run, shared).detach();
  } catch (const std::system_error& error) {
    return Error(ErrorKind::io, std::string("start a thread: ") + error.what());
  }
  return std::unique_ptr<KafkaClient>(std::make_unique<RdKafkaClient>(std::move(shared)));
}

std::string rdkafka_version() { return rd_kafka_version_str(); }

}  // namespace tailrace
