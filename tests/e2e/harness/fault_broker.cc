#include "tests/e2e/harness/fault_broker.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tailrace::e2e {
namespace {

constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kFetch = 1;
constexpr std::int16_t kMetadata = 3;
constexpr std::int16_t kApiVersions = 18;
constexpr std::int16_t kInitProducerId = 22;
constexpr std::int16_t kDescribeConfigs = 32;

struct ApiRange {
  std::int16_t key, min, max;
};
// Fetch is only named: without it librdkafka takes the broker for one that knows no batches of magic 2.
constexpr ApiRange kApis[] = {{kProduce, 3, 7},     {kFetch, 4, 11},         {kMetadata, 1, 1},
                              {kApiVersions, 0, 3}, {kInitProducerId, 0, 4}, {kDescribeConfigs, 0, 1}};
constexpr std::int8_t kTopicResource = 2;

}  // namespace

FaultBroker::FaultBroker(int brokers)
    : brokers_(brokers),
      server_(brokers, [this](int port, std::string_view request) { return on_request(port, request); }) {}

std::string FaultBroker::bootstrap() const {
  std::string all;
  for (int i = 0; i < brokers_; ++i) all += (i > 0 ? "," : "") + ("127.0.0.1:" + std::to_string(server_.port(i)));
  return all;
}

void FaultBroker::create_topic(const std::string& name, int partitions) {
  const std::lock_guard lock(mutex_);
  topics_[name].partitions.resize(static_cast<std::size_t>(partitions));
}

void FaultBroker::delete_topic(const std::string& name) {
  const std::lock_guard lock(mutex_);
  topics_.erase(name);
}

void FaultBroker::set_limit(const std::string& topic, std::size_t bytes, bool is_told) {
  const std::lock_guard lock(mutex_);
  topics_.at(topic).limit = bytes;
  topics_.at(topic).is_limit_told = is_told;
}

void FaultBroker::lead(const std::string& topic, std::int32_t partition, int broker) {
  const std::lock_guard lock(mutex_);
  topics_.at(topic).partitions.at(static_cast<std::size_t>(partition)).leader = broker;
}

void FaultBroker::refuse(const Refusal& refusal) {
  const std::lock_guard lock(mutex_);
  refusals_.push_back(refusal);
}

std::vector<std::string> FaultBroker::values(const std::string& topic, std::int32_t partition) const {
  const std::lock_guard lock(mutex_);
  return topics_.at(topic).partitions.at(static_cast<std::size_t>(partition)).log.values();
}

std::size_t FaultBroker::requests(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(topic);
  return found == counts_.end() ? 0 : found->second.requests;
}

std::size_t FaultBroker::refused(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(topic);
  return found == counts_.end() ? 0 : found->second.refused;
}

std::size_t FaultBroker::request_bytes_max(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(topic);
  return found == counts_.end() ? 0 : found->second.request_bytes_max;
}

std::optional<std::string> FaultBroker::on_request(int broker, std::string_view request) {
  const std::lock_guard lock(mutex_);
  WireReader in(request);
  const std::int16_t key = in.int16();
  const std::int16_t version = in.int16();
  const std::int32_t correlation = in.int32();
  in.string();  // the client's name
  WireWriter out;
  out.int32(correlation);
  switch (key) {
    case kProduce:
      if (!produce(broker, version, in, out)) return std::nullopt;
      break;
    case kMetadata:
      metadata(in, out);
      break;
    case kApiVersions:
      api_versions(version, out);
      break;
    case kInitProducerId:
      init_producer_id(version, in, out);
      break;
    case kDescribeConfigs:
      describe_configs(version, in, out);
      break;
    default:
      std::fprintf(stderr, "the fault broker: a request with key %d, which it does not know\n", key);
      std::abort();
  }
  return out.take();
}

// The one answer whose header never has tags.
void FaultBroker::api_versions(std::int16_t version, WireWriter& out) {
  const bool is_known = version <= 3;
  const bool is_compact = is_known && version >= 3;
  out.error(is_known ? KafkaError::none : KafkaError::unsupported_version);
  is_compact ? out.varint(std::size(kApis) + 1) : out.int32(static_cast<std::int32_t>(std::size(kApis)));
  for (const ApiRange& api : kApis) {
    out.int16(api.key).int16(api.min).int16(api.max);
    if (is_compact) out.no_tags();
  }
  if (is_known && version >= 1) out.int32(0);
  if (is_compact) out.no_tags();
}

void FaultBroker::metadata(WireReader& in, WireWriter& out) {
  std::vector<std::string> asked;
  const std::int32_t count = in.int32();
  for (std::int32_t i = 0; i < count; ++i) asked.emplace_back(in.string());
  if (count < 0) {
    for (const auto& [name, topic] : topics_) asked.push_back(name);
  }
  out.int32(brokers_);
  for (int i = 0; i < brokers_; ++i) out.int32(i).string("127.0.0.1").int32(server_.port(i)).null_string();
  out.int32(0);  // the controller
  out.int32(static_cast<std::int32_t>(asked.size()));
  for (const std::string& name : asked) one_topic(name, out);
}

void FaultBroker::one_topic(const std::string& name, WireWriter& out) {
  const auto found = topics_.find(name);
  out.error(found == topics_.end() ? KafkaError::unknown_topic_or_partition : KafkaError::none);
  out.string(name).int8(0);
  if (found == topics_.end()) {
    out.int32(0);
    return;
  }
  const std::vector<Partition>& partitions = found->second.partitions;
  out.int32(static_cast<std::int32_t>(partitions.size()));
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const int leader = partitions[i].leader;
    out.error(KafkaError::none).int32(static_cast<std::int32_t>(i)).int32(leader);
    out.int32(1).int32(leader).int32(1).int32(leader);  // replicas, those in sync
  }
}

// A producer that names itself gets its next epoch, another one a new id.
void FaultBroker::init_producer_id(std::int16_t version, WireReader& in, WireWriter& out) {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
  const bool is_compact = version >= 2;
  if (is_compact) in.skip_tags();  // of the header
  is_compact ? in.compact_string() : in.string();
  in.int32();
  if (version >= 3) {
    id = in.int64();
    epoch = in.int16();
  }
  if (id < 0) id = 1000 + producers_++;
  if (is_compact) out.no_tags();
  out.int32(0).error(KafkaError::none).int64(id).int16(static_cast<std::int16_t>(epoch + 1));
  if (is_compact) out.no_tags();
}

bool FaultBroker::produce(int broker, std::int16_t version, WireReader& in, WireWriter& out) {
  in.string();  // transactional id
  const std::int16_t acks = in.int16();
  in.int32();
  const std::int32_t topics = in.int32();
  out.int32(topics);
  for (std::int32_t t = 0; t < topics; ++t) {
    const std::string topic(in.string());
    const std::int32_t partitions = in.int32();
    out.string(topic).int32(partitions);
    for (std::int32_t p = 0; p < partitions; ++p) {
      const std::int32_t partition = in.int32();
      const PartitionLog::Appended appended = take(broker, topic, partition, in.blob());
      if (appended.error != KafkaError::none) ++counts_[topic].refused;
      out.int32(partition).error(appended.error).int64(appended.offset).int64(-1);
      if (version >= 5) out.int64(0);  // where the log starts
    }
  }
  out.int32(0);  // throttled
  return acks != 0;
}

PartitionLog::Appended FaultBroker::take(int broker, const std::string& topic, std::int32_t partition,
                                         std::string_view records) {
  const RecordBatch batch = read_record_batch(records);
  Counts& counts = counts_[topic];
  ++counts.requests;
  counts.request_bytes_max = std::max(counts.request_bytes_max, batch.bytes);
  if (!batch.is_intact) return {.error = KafkaError::corrupt_message};
  const auto found = topics_.find(topic);
  if (found == topics_.end() || partition >= static_cast<std::int32_t>(found->second.partitions.size()))
    return {.error = KafkaError::unknown_topic_or_partition};
  Partition& there = found->second.partitions[static_cast<std::size_t>(partition)];
  if (there.leader != broker) return {.error = KafkaError::not_leader_or_follower};
  if (const Refusal* refusal = refusal_of(topic, partition, batch.values.size())) {
    if (refusal->is_stored) there.log.append(batch);
    return {.error = refusal->error};
  }
  if (batch.bytes > found->second.limit) return {.error = KafkaError::message_too_large};
  return there.log.append(batch);
}

// The one that refuses this request, with one request less to refuse.
Refusal* FaultBroker::refusal_of(const std::string& topic, std::int32_t partition, std::size_t records) {
  for (Refusal& refusal : refusals_) {
    if (refusal.topic != topic || refusal.partition != partition || refusal.times == 0) continue;
    if (refusal.nth > 0 && records < refusal.records_min) continue;
    if (--refusal.nth > 0) continue;
    refusal.nth = 0;
    --refusal.times;
    return &refusal;
  }
  return nullptr;
}

void FaultBroker::describe_configs(std::int16_t version, WireReader& in, WireWriter& out) {
  const std::int32_t count = in.int32();
  out.int32(0).int32(count);
  for (std::int32_t i = 0; i < count; ++i) {
    const std::int8_t type = in.int8();
    const std::string name(in.string());
    for (std::int32_t left = in.int32(); left > 0; --left) in.string();  // all are told, whatever is asked for
    const auto found = topics_.find(name);
    const bool is_told = type == kTopicResource && found != topics_.end() && found->second.is_limit_told;
    out.error(is_told ? KafkaError::none : KafkaError::topic_authorization_failed).null_string();
    out.int8(type).string(name).int32(is_told ? 1 : 0);
    if (!is_told) continue;
    out.string("max.message.bytes").string(std::to_string(found->second.limit)).int8(0);
    out.int8(version >= 1 ? 1 : 0);  // from the topic's config; before: it is no default
    out.int8(0);
    if (version >= 1) out.int32(0);  // synonyms
  }
}

}  // namespace tailrace::e2e
