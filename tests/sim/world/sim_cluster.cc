#include "tests/sim/world/sim_cluster.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "tests/sinks/kafka_events.h"

namespace tailrace::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr Duration kNoAnswerAfter = seconds(5);

std::string_view text_of(const std::byte* value, std::uint32_t bytes) {
  return {reinterpret_cast<const char*>(value), bytes};
}

}  // namespace

SimCluster::SimCluster(const SimClock& clock, std::uint64_t seed, std::int32_t partitions)
    : clock_(clock), dice_(seed), partitions_(partitions) {}

KafkaClientFactory SimCluster::factory() {
  return [this](const SinkConfig&, const KafkaClientOptions& options) -> Result<std::unique_ptr<KafkaClient>> {
    return std::unique_ptr<KafkaClient>(std::make_unique<SimKafkaClient>(*this, options));
  };
}

Duration SimCluster::some_latency() {
  const auto most = static_cast<std::uint64_t>(latency_ / microseconds(1));
  return microseconds(1 + dice_.below(most + 1));
}

bool SimCluster::make_ill() {
  for (SimKafkaClient* client : clients_) {
    if (client->is_retired_ || client->is_ill_) continue;
    client->is_ill_ = true;
    client->news_.fatal = "simulated: the producer is fenced";
    client->options_.wake->signal();
    return true;
  }
  return false;
}

void SimCluster::set_lingers(bool lingers) {
  if (std::exchange(lingers_, lingers) == lingers || lingers) return;
  for (SimKafkaClient* client : clients_) {
    if (!client->is_retired_) continue;
    drop(*client);
    client->options_.wake->signal();
  }
}

void SimCluster::lose_clients() {
  for (SimKafkaClient* client : clients_) drop(*client);
}

void SimCluster::drop(SimKafkaClient& client) {
  for (const auto& report : client.news_.reports) {  // told, but not listened to
    if (report.fault == KafkaFault::none) in_doubt_ += report.count;
  }
  for (auto& [lane, queue] : client.queues_) {
    // With nobody there to take them nothing more arrives, nor behind what was given back.
    const bool is_shut = mood_ == Mood::away || is_denied_ || client.denied_[lane].left > 0;
    std::size_t arrive = is_shut ? 0 : dice_.below(queue.size() + 1);
    for (Request& request : queue) {
      if (!request.is_stored) {
        if (arrive == 0) break;
        --arrive;
        store(lane, request, client.is_retired_);
      }
      in_doubt_ += request.records.size();
    }
    queue.clear();
  }
}

void SimCluster::store(const Lane& lane, Request& request, bool is_late) {
  request.is_stored = true;
  request.refused.assign(request.records.size(), false);
  for (std::size_t i = 0; i < request.records.size(); ++i) {
    const Sent& sent = request.records[i];
    if (XXH3_64bits(sent.value, sent.bytes) != sent.hash) {
      on_breach_(fmt::format("memory: a record of batch {} changed while Kafka had it", sent.token));
    }
    if (refuse_ > 0) {
      --refuse_;
      request.refused[i] = true;
    }
    ++stored_;
    on_record_(lane.first, lane.second, text_of(sent.value, sent.bytes), request.refused[i], is_late);
  }
}

void SimCluster::answer(SimKafkaClient& client, Request& request) {
  // As librdkafka does it: refused ones by themselves, delivered ones that follow each other in one.
  std::map<std::uint64_t, std::uint32_t> delivered;
  for (std::size_t i = 0; i < request.records.size(); ++i) {
    const Sent& sent = request.records[i];
    if (!request.refused[i]) {
      ++delivered[sent.token];
      continue;
    }
    client.news_.reports.push_back({.token = sent.token,
                                    .count = 1,
                                    .fault = KafkaFault::invalid,
                                    .value = sent.value,
                                    .name = "INVALID_RECORD",
                                    .reason = "simulated: an invalid record"});
  }
  for (const auto& [token, count] : delivered) client.news_.reports.push_back({.token = token, .count = count});
  client.options_.wake->signal();
}

void SimCluster::give_back(SimKafkaClient& client, std::deque<Request>& queue, std::size_t requests) {
  for (; requests > 0; --requests) {
    const Request request = std::move(queue.front());
    queue.pop_front();
    if (request.is_stored) in_doubt_ += request.records.size();
    for (const Sent& sent : request.records) {
      client.news_.reports.push_back({.token = sent.token,
                                      .count = 1,
                                      .fault = KafkaFault::given_back,
                                      .value = sent.value,
                                      .name = "UNKNOWN_TOPIC_OR_PART",
                                      .reason = "simulated: an unknown topic"});
    }
  }
  client.options_.wake->signal();
}

void SimCluster::advance() {
  const Instant now = clock_.now();
  for (SimKafkaClient* client : clients_) {
    if (client->is_retired_) continue;
    std::erase_if(client->questions_, [&](const SimKafkaClient::Question& question) {
      if (question.due > now) return false;
      TopicAnswer answer{.topic = question.topic};
      if (question.is_lost) {
        answer.fault = KafkaFault::no_answer;
        answer.name = "timed_out";
        answer.reason = "simulated: no broker";
      } else if (question.topic.empty()) {
        // A broker answers, and that is all.
      } else if (is_denied_ && !denial_.is_of_writes_only) {
        answer.fault = KafkaFault::given_back;
        answer.name = "unknown_topic";
        answer.reason = "simulated: an unknown topic";
      } else {
        answer.partitions = partitions_;
        answer.leaders.assign(static_cast<std::size_t>(partitions_), 0);
      }
      client->news_.answers.push_back(std::move(answer));
      client->options_.wake->signal();
      return true;
    });
    if (client->is_ill_) continue;
    for (auto& [lane, queue] : client->queues_) {
      if (stalled_ == lane) continue;
      SimKafkaClient::Denied& denied = client->denied_[lane];
      while (!queue.empty()) {
        if (is_denied_ && !denial_.is_one_by_one) {
          give_back(*client, queue, queue.size());
          denied = {};
          break;
        }
        if (is_denied_ || (denied.left > 0 && !denied.has_begun)) denied.left = queue.size();
        Request& first = queue.front();
        // Nothing is sent of what is parked; what is on its way already is answered.
        if (first.due == kNever && client->parked_.contains(lane)) break;
        if (first.due == kNever) first.due = now + some_latency();
        if (first.due > now || mood_ == Mood::away) break;
        if (denied.left > 0) {
          denied.has_begun = --denied.left > 0;
          give_back(*client, queue, 1);
          continue;
        }
        if (!first.is_stored) {
          if (mood_ == Mood::silent && !dice_.one_in(4)) {
            first.due = now + std::chrono::milliseconds(200);
            break;
          }
          store(lane, first);
          first.due = now + some_latency();
          continue;
        }
        if (mood_ == Mood::silent) break;
        answer(*client, first);
        client->heard_[lane] = now;
        queue.pop_front();
      }
    }
  }
}

Instant SimCluster::next_event() const {
  Instant next = kNever;
  for (const SimKafkaClient* client : clients_) {
    if (client->is_retired_) continue;
    for (const SimKafkaClient::Question& question : client->questions_) next = std::min(next, question.due);
    if (client->is_ill_) continue;
    for (const auto& [lane, queue] : client->queues_) {
      if (queue.empty() || stalled_ == lane) continue;
      const Request& first = queue.front();
      if (is_denied_ && !denial_.is_one_by_one) return clock_.now();
      if (first.due == kNever && client->parked_.contains(lane)) continue;
      if (first.due == kNever) {
        if (mood_ != Mood::away) next = std::min(next, clock_.now());
      } else if (mood_ == Mood::up || (mood_ == Mood::silent && !first.is_stored)) {
        next = std::min(next, first.due);
      }
    }
  }
  return next;
}

std::size_t SimCluster::outstanding() const {
  std::size_t records = 0;
  for (const SimKafkaClient* client : clients_) {
    for (const auto& [lane, queue] : client->queues_) {
      for (const Request& request : queue) records += request.records.size();
    }
  }
  return records;
}

std::size_t SimCluster::lanes_out() const {
  std::size_t lanes = 0;
  for (const SimKafkaClient* client : clients_) {
    if (client->is_retired_) continue;
    for (const auto& [lane, queue] : client->queues_) lanes += queue.empty() ? 0 : 1;
  }
  return lanes;
}

std::uint64_t SimCluster::stuck_bytes(std::uint64_t overhead_bytes) const {
  std::uint64_t bytes = 0;
  for (const SimKafkaClient* client : clients_) {
    if (client->is_retired_) continue;
    for (const auto& [lane, queue] : client->queues_) {
      if (queue.empty()) continue;
      const auto heard = client->heard_.find(lane);
      const Instant since = std::max(queue.front().sent, heard == client->heard_.end() ? Instant{} : heard->second);
      if (clock_.now() - since < std::chrono::seconds(1)) continue;
      for (const Request& request : queue) {
        for (const Sent& sent : request.records) bytes += sent.bytes + overhead_bytes;
      }
    }
  }
  return bytes;
}

SimKafkaClient::SimKafkaClient(SimCluster& cluster, KafkaClientOptions options)
    : cluster_(cluster), options_(std::move(options)), cpu_at_(cluster.clock_.now()) {
  cluster_.clients_.push_back(this);
}

SimKafkaClient::~SimKafkaClient() {
  const bool reads = std::any_of(queues_.begin(), queues_.end(), [](const auto& q) { return !q.second.empty(); });
  if (is_retired_ && reads) cluster_.on_breach_("memory: a client is ended that still reads its records");
  std::erase(cluster_.clients_, this);
}

void SimKafkaClient::produce(const std::string& topic, std::int32_t partition, std::vector<KafkaRecord> records) {
  TR_ASSERT(!is_retired_, "a retired client is given records");
  TR_ASSERT(partition >= 0 && partition < cluster_.partitions_, "partition {} of {}", partition, topic);
  TR_ASSERT(!parked_.contains({topic, partition}), "partition {} of {} is parked", partition, topic);
  SimCluster::Request request;
  request.sent = cluster_.clock_.now();
  request.records.reserve(records.size());
  for (const KafkaRecord& record : records) {
    if (record.bytes > options_.record_bytes_max) {
      news_.reports.push_back({.token = record.token,
                               .count = 1,
                               .fault = KafkaFault::too_large,
                               .value = record.value,
                               .name = "MSG_SIZE_TOO_LARGE",
                               .reason = "simulated: larger than record_bytes_max"});
      options_.wake->signal();
      continue;
    }
    request.records.push_back({.token = record.token,
                               .value = record.value,
                               .bytes = record.bytes,
                               .hash = XXH3_64bits(record.value, record.bytes)});
  }
  if (request.records.empty()) return;
  if (std::exchange(cluster_.stalls_next_, false)) cluster_.stalled_ = {topic, partition};
  queues_[{topic, partition}].push_back(std::move(request));
}

void SimKafkaClient::request_metadata(const std::string& topic) {
  const bool is_lost = cluster_.mood_ != SimCluster::Mood::up;
  questions_.push_back({.topic = topic,
                        .due = cluster_.clock_.now() + (is_lost ? kNoAnswerAfter : cluster_.some_latency()),
                        .is_lost = is_lost});
}

void SimKafkaClient::poll(KafkaEvents& events) {
  TR_ASSERT(!is_retired_, "a retired client is polled");
  append(events, std::exchange(news_, {}));
}

void SimKafkaClient::park(const std::vector<PartitionName>& partitions) {
  cpu_time(-1);
  for (const PartitionName& each : partitions) parked_.insert({each.topic, each.partition});
}

void SimKafkaClient::resume(const std::vector<PartitionName>& partitions) {
  cpu_time(-1);
  for (const PartitionName& each : partitions) parked_.erase({each.topic, each.partition});
}

Duration SimKafkaClient::cpu_time(std::int32_t) const {
  const bool is_waiting = std::any_of(queues_.begin(), queues_.end(), [this](const auto& q) {
    return !q.second.empty() && !parked_.contains(q.first);
  });
  const Instant now = cluster_.clock_.now();
  if (cluster_.spins_ && is_waiting) cpu_ += now - cpu_at_;
  cpu_at_ = now;
  return cpu_;
}

void SimKafkaClient::retire() {
  is_retired_ = true;
  if (!cluster_.lingers_) cluster_.drop(*this);
}

}  // namespace tailrace::sim
