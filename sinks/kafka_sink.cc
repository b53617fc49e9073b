#include "sinks/kafka_sink.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tailrace {
namespace {

// A record in a request is so much more than its value: lengths, deltas, no key, no headers.
constexpr std::uint64_t kRecordFrameBytes = 12;
// A bound for what a kill doubles of short lines.
constexpr std::size_t kRequestRecordsMax = 10'000;
// How much of a request is used: a byte too many makes a second, tiny one.
constexpr double kFill = 0.985;
constexpr std::uint64_t kShareOf = 2, kShareIn = 3;
constexpr std::uint64_t kRoomMin = 4096;
constexpr Duration kDownAfter = std::chrono::seconds(5);
constexpr Duration kLaneTick = std::chrono::milliseconds(200);
// A request of so much is worth sending by itself.
constexpr std::uint64_t kGatheredEnough = 64 * 1024;

// The partition of a new file: of agent and path only, so that it is the same after a lost checkpoint.
std::int32_t partition_of(const std::string& agent, std::string_view path, std::int32_t partitions) {
  std::string text = agent;
  text += '\0';
  text += path;
  return static_cast<std::int32_t>(XXH3_64bits(text.data(), text.size()) % static_cast<std::uint64_t>(partitions));
}

std::string seconds_text(Duration duration) { return fmt::format("{:.0f} s", to_seconds(duration)); }

}  // namespace

Result<std::unique_ptr<KafkaSink>> KafkaSink::create(const SinkConfig& config, const AgentConfig& agent,
                                                     std::uint64_t line_bytes_max, KafkaSinkSeams seams) {
  Result<Template> topic = Template::parse(config.topic);
  if (!topic) return std::move(topic).error().during("topic", config.topic);
  std::unique_ptr<KafkaSink> sink(new KafkaSink(config, agent.name, line_bytes_max, seams, *std::move(topic)));
  auto state = seams.state ? seams.state : std::make_shared<StateHome>(seams.files, agent.state_dir);
  sink->spool_ =
      std::make_unique<RejectedSpool>(seams.files, seams.workers, std::move(state), config.name, config.spool_limit);
  if (Status made = sink->make_client(); !made) return std::move(made).error();
  return sink;
}

KafkaSink::KafkaSink(const SinkConfig& config, std::string agent_name, std::uint64_t line_bytes_max,
                     KafkaSinkSeams seams, Template topic)
    : config_(config),
      agent_name_(std::move(agent_name)),
      line_bytes_max_(line_bytes_max),
      seams_(std::move(seams)),
      topic_template_(std::move(topic)),
      pool_(std::make_unique<ChunkPool>(config.memory)),
      secrets_(config_, seams_.workers, wake_, seams_.try_settings) {
  if (topic_template_.is_constant()) constant_topic_ = topic_name(topic_template_.expand({}));
  // What is known beforehand is there from the start: a series that begins with its first error has no rate.
  for (const std::string& broker : config_.brokers) retries_before_[broker] = 0;
  for (const auto& [broker, retries] : retries_before_) counters_.broker_rtt_seconds[broker] = 0;
  counters_.broker_retries = retries_before_;
  for (const char* reason : {"all_brokers_down", "transport"}) counters_.errors[reason] = 0;
}

KafkaSink::~KafkaSink() {
  if (client_) {
    client_->retire();
    retired_.push_back({.client = std::move(client_)});
  }
  bool is_gone = true;
  for (Retired& retired : retired_) is_gone = retired.client->wait_gone(std::chrono::seconds(3)) && is_gone;
  if (is_gone) return;
  // librdkafka may still read the records: their memory stays mapped until the process ends.
  for (auto& [id, open] : open_) retired_.back().slices.push_back(std::move(open.batch.slice));
  static_cast<void>(new std::vector<Retired>(std::move(retired_)));
  static_cast<void>(new decltype(lanes_)(std::move(lanes_)));
  static_cast<void>(new std::unique_ptr<ChunkPool>(std::move(pool_)));
}

std::string KafkaSink::topic_of(const RouteRequest& request) const {
  if (!constant_topic_.empty()) return constant_topic_;
  return topic_name(topic_template_.expand(
      {.tailer = request.tailer, .host = agent_name_, .path = request.path, .labels = request.labels}));
}

Lane* KafkaSink::route(const RouteRequest& request) {
  Topic& topic = topics_.find(topic_of(request), client_.get(), now_);
  std::int32_t partition = request.partition;
  if (!topic.is_known()) {
    // A lane that is there has no room now, and needs no answer to be named.
    const auto found = lanes_.find({topic.name, partition});
    return found == lanes_.end() ? nullptr : found->second.get();
  }
  if (partition < 0 || partition >= topic.partitions) {
    topics_.refresh(topic, client_.get(), now_);
    partition = partition_of(agent_name_, request.path, topic.partitions);
  }
  return &lane_of(topic, partition);
}

KafkaLane& KafkaSink::lane_of(Topic& topic, std::int32_t partition) {
  std::unique_ptr<KafkaLane>& lane = lanes_[{topic.name, partition}];
  if (!lane) {
    lane = std::make_unique<KafkaLane>(topic, partition, static_cast<std::uint32_t>(lanes_.size() - 1));
    share_anew();
  }
  return *lane;
}

bool KafkaSink::is_mute() const { return silence_.state() != SilenceWatch::State::calm && !is_heard_; }

bool KafkaSink::has_partition(const KafkaLane& lane) {
  return lane.topic.is_known() && lane.partition < lane.topic.partitions;
}

// Not before what was published on it is dropped or moved: a source has open batches on one lane only.
bool KafkaSink::is_gone(const Lane& of_lane) const {
  const auto& lane = static_cast<const KafkaLane&>(of_lane);
  return lane.topic.is_known() && !has_partition(lane) && lane.charge == 0;
}

bool KafkaSink::is_ready(const KafkaLane& lane) const {
  return client_ && !is_mute() && has_partition(lane) && !lane.is_waiting && !lane.is_stuck && !lane.is_parked &&
         lane.spool_reason.empty() && lane.without_books == 0;
}

std::uint64_t KafkaSink::request_bytes(const KafkaLane& lane) {
  return static_cast<std::uint64_t>(static_cast<double>(lane.topic.request_bytes_max) * kFill);
}

double KafkaSink::charge_ratio() const { return 1 + static_cast<double>(kRecordOverheadBytes) / line_bytes_; }

// All together may have three sixteenths of `memory` out: with the quarter that they are promised nothing was faster.
// Two thirds of it are every lane's alike, so that what stuck ones hold leaves the others something; of what the lanes
// past their share leave of the rest, one may have two thirds.
std::uint64_t KafkaSink::charge_limit(const KafkaLane& lane) const {
  const std::uint64_t shared = config_.memory / 16;
  const std::uint64_t others = shared_charge_ - past_share(lane);
  const std::uint64_t limit = lane_share_ + (shared - std::min(others, shared)) * kShareOf / kShareIn;
  // While one request is out the next is read.
  return std::min(limit, static_cast<std::uint64_t>(2 * kRequestBytesMax * kFill * charge_ratio()));
}

void KafkaSink::set_charge(KafkaLane& lane, std::uint64_t charge) {
  shared_charge_ -= past_share(lane);
  lane.charge = charge;
  shared_charge_ += past_share(lane);
}

// Many reads are under way before the first of them is published: not counted, each lane would take the whole of what
// all share.
void KafkaSink::set_reading(Lane& of_lane, std::uint64_t bytes) {
  auto& lane = static_cast<KafkaLane&>(of_lane);
  shared_charge_ -= past_share(lane);
  lane.reading = static_cast<std::uint64_t>(static_cast<double>(bytes) * charge_ratio());
  shared_charge_ += past_share(lane);
}

void KafkaSink::share_anew() {
  lane_share_ = config_.memory / 8 / lanes_.size();
  shared_charge_ = 0;
  for (const auto& [key, lane] : lanes_) shared_charge_ += past_share(*lane);
}

std::uint64_t KafkaSink::room(const Lane& of_lane) const {
  const auto& lane = static_cast<const KafkaLane&>(of_lane);
  if (!is_ready(lane) || (!lane.held.empty() && !lane.is_gathering)) return 0;
  const std::uint64_t limit = charge_limit(lane);
  const std::uint64_t left = limit - std::min(lane.charge, limit);
  const auto bytes = static_cast<std::uint64_t>(static_cast<double>(left) / charge_ratio());
  // An empty lane goes on, whatever the stuck ones hold; how long a line is, its reader asks for by itself.
  if (lane.charge == 0) return std::max(bytes, kRoomMin);
  // Crumbs would make many small requests out of a few full ones.
  return bytes < read_bytes_best() / 4 ? 0 : bytes;
}

std::uint32_t KafkaSink::read_bytes_best() const {
  const double full = std::min(kRequestBytesMax * kFill * line_bytes_ / (line_bytes_ + kRecordFrameBytes),
                               kRequestRecordsMax * kFill * line_bytes_);
  const double half_a_share = static_cast<double>(config_.memory) / 12 / charge_ratio();
  return static_cast<std::uint32_t>(std::max(std::min(full, half_a_share), 16.0 * 1024));
}

void KafkaSink::publish(Lane& to_lane, Batch batch, Instant now) {
  now_ = now;
  auto& lane = static_cast<KafkaLane&>(to_lane);
  TR_ASSERT(!batch.lines.empty(), "batch {} of source {} has no lines", batch.id, batch.source.hex());
  const BatchId id = batch.id;
  const std::size_t lines = batch.lines.size();
  line_bytes_ += (static_cast<double>(batch.end - batch.begin) / static_cast<double>(lines) - line_bytes_) / 16;
  line_bytes_ = std::max(line_bytes_, 1.0);
  SourceBooks& source = sources_[batch.source];
  ++source.open;
  if (!batch.is_rereadable) source.is_pinned = true;

  const auto [found, is_new] = open_.try_emplace(id);
  TR_ASSERT(is_new, "batch {} was published twice", id);
  OpenBatch& open = found->second;
  const std::uint64_t bytes = batch.end - batch.begin;
  open.lane = &lane;
  open.charge = charge_of(batch.slice.size(), lines);
  open.books = lines * kRecordOverheadBytes;
  open.batch = std::move(batch);
  pool_->budget().take(open.books);
  set_charge(lane, lane.charge + open.charge);
  if (lane.held.empty() && !lane.is_gathering && is_ready(lane)) {
    lane.is_gathering = true;
    gathering_.push_back(&lane);
  }
  lane.held.insert(id);
  lane.gathered += bytes;
  if (!lane.is_gathering) {
    watch_lanes_at_ = std::min(watch_lanes_at_, now + kLaneTick);
  } else if (is_due(lane, now)) {
    send_held(lane, now);
  }
}

// A request's worth of its own is worth sending; less waits for company, until `linger` after the last one.
bool KafkaSink::is_due(const KafkaLane& lane, Instant now) const {
  return lane.gathered >= kGatheredEnough || now >= lane.sent_at + config_.linger || room(lane) == 0;
}

void KafkaSink::flush(Instant now) {
  flush_at_ = kNever;
  const std::vector<KafkaLane*> gathering = gathering_;
  for (KafkaLane* lane : gathering) {
    if (is_due(*lane, now) || !is_ready(*lane)) {
      send_held(*lane, now);
    } else {
      flush_at_ = std::min(flush_at_, lane->sent_at + config_.linger);
    }
  }
}

// In order, as much as the lane may have out. A lane that is not ready gives up gathering: what it holds goes out when
// it is; one whose request is out goes on when that is reported.
void KafkaSink::send_held(KafkaLane& lane, Instant now) {
  if (!is_ready(lane)) {
    if (std::exchange(lane.is_gathering, false)) std::erase(gathering_, &lane);
    watch_lanes_at_ = std::min(watch_lanes_at_, now + kLaneTick);
    return;
  }
  if (!lane.held.empty() && lane.out_records == 0) send_request(lane, now);
  if (lane.held.empty() == !lane.is_gathering) return;
  lane.is_gathering = !lane.held.empty();
  if (lane.is_gathering) {
    gathering_.push_back(&lane);
  } else {
    std::erase(gathering_, &lane);
  }
}

// One hand-over: the lines that are next, up to what the topic takes at once; at least one. A batch that the
// topic takes is not divided: it is acknowledged as a whole, and a stop in between doubles what was acknowledged of it.
// The first one to a partition is of one record: before librdkafka knows the partition it cannot be paused, so that
// many could become two requests; and a broker that knows nothing of the producer takes any sequence number for the
// first.
void KafkaSink::send_request(KafkaLane& lane, Instant now) {
  const std::uint64_t most = request_bytes(lane);
  std::uint64_t encoded = 0;
  std::vector<KafkaRecord> records;
  const std::size_t records_max = lane.is_proven ? kRequestRecordsMax : 1;
  const auto fits = [&](const Line& line) {
    return records.empty() || (records.size() < records_max && encoded + line.bytes + kRecordFrameBytes <= most);
  };
  const auto fits_whole = [&](const OpenBatch& open) {
    const std::size_t lines = open.batch.lines.size();
    return records.empty() || (records.size() + lines <= records_max &&
                               encoded + (open.batch.end - open.batch.begin) + lines * kRecordFrameBytes <= most);
  };
  bool is_full = false;
  while (!is_full && !lane.held.empty()) {
    const BatchId id = *lane.held.begin();
    OpenBatch& open = open_.at(id);
    if (!fits_whole(open)) break;
    const std::vector<Line>& lines = open.batch.lines;
    const std::uint32_t first = open.next_line;
    if (records.empty()) records.reserve(lines.size() - first);
    while (open.next_line < lines.size() && fits(lines[open.next_line])) {
      const Line& line = lines[open.next_line++];
      records.push_back({.value = open.batch.slice.data() + line.begin, .bytes = line.bytes, .token = id});
      encoded += line.bytes + kRecordFrameBytes;
    }
    open.out += open.next_line - first;
    is_full = open.next_line < lines.size();
    if (is_full) continue;
    lane.held.erase(id);
    lane.gathered -= open.batch.end - open.batch.begin;
  }
  lane.sent_at = now;
  ++lane.requests;
  lane.request_records = records.size();
  if (lane.out_records == 0) {
    lane.quiet_since = now;
    lane.broker = lane.topic.leader(lane.partition);
  }
  Broker& broker = brokers_[lane.broker];
  broker.out_records += records.size();
  broker.spin.on_sent(now);
  out_records_ += records.size();
  lane.out_records += records.size();
  lane.out_bytes += encoded;
  silence_.on_sent(now);
  watch_lanes_at_ = std::min(watch_lanes_at_, now + kLaneTick);
  client_->produce(lane.topic.name, lane.partition, std::move(records));
}

// Once more, from its next line on.
void KafkaSink::hold(BatchId id, OpenBatch& open) {
  if (open.lane->held.insert(id).second) open.lane->gathered += open.batch.end - open.batch.begin;
}

void KafkaSink::poll(Instant now, SinkEvents& events) {
  now_ = now;
  wake_->clear();
  keep_client(now);
  KafkaEvents found;
  if (client_) client_->poll(found);
  reach_.on_found(found, now);
  on_reports(found.reports, now);
  on_troubles(found, now);
  if (found.has_statistics) gather_statistics();
  topics_.ask_due(client_.get(), now);
  if (found.fatal) {
    replace_client("a fatal error: " + *found.fatal, now, events);
  } else if (replace_why_) {
    replace_client(*std::exchange(replace_why_, std::nullopt), now, events);
  } else {
    watch_silence(now);
    watch_spins(now);
  }
  watch_brokers(now, events);
  watch_lanes(now, events);
  flush(now);  // whose request was reported goes on before anything is read
  spool_next(now);
  reap_retired();
  close_quiet_arenas(now);

  events.settled.insert(events.settled.end(), settled_.begin(), settled_.end());
  settled_.clear();
  events.room_changed = std::exchange(room_changed_, false) || events.room_changed;
  if (stop_) events.stop = stop_;
}

Instant KafkaSink::next_deadline() const {
  Instant next = std::min({silence_.next_deadline(), watch_lanes_at_, topics_.next_deadline(), close_arenas_at_,
                           flush_at_, to_spool_.empty() ? kNever : spool_at_, client_ ? kNever : make_client_at_});
  if (client_) next = std::min(next, reach_.next_deadline());
  next = std::min(next, secrets_.next_deadline());
  for (const auto& [id, broker] : brokers_) next = std::min(next, broker.spin.next_deadline());
  return next;
}

void KafkaSink::pin(SourceId source) {
  const auto books = sources_.find(source);
  if (books == sources_.end()) return;
  books->second.is_pinned = true;
}

std::string KafkaSink::why_stuck(const KafkaLane& lane, Instant now) const {
  if (!lane.spool_reason.empty()) return lane.spool_reason;
  if (lane.is_waiting && !lane.topic.is_known() && !lane.topic.reason.empty()) return lane.topic.reason;
  if (lane.is_waiting) return lane.reason;
  if (lane.topic.is_known() && !has_partition(lane) && lane.charge > 0)
    return fmt::format("the topic has only {} partitions now", lane.topic.partitions);
  if (!lane.is_stuck) return "";
  const std::string cause = reach_.cause(now);
  return "no acknowledgement for " + seconds_text(now - lane.quiet_since) + (cause.empty() ? "" : ": " + cause);
}

std::string KafkaSink::why_down(Instant since, Instant now) const {
  if (since == kNever || now - since < kDownAfter) return why_away(now);
  std::string text = "no answer for " + seconds_text(now - since);
  if (const std::string cause = reach_.cause(now); !cause.empty()) return text + ": " + cause;
  if (!last_trouble_.empty() && last_trouble_at_ >= since - std::chrono::seconds(60)) text += ": " + last_trouble_;
  return text;
}

SinkStatus KafkaSink::status(Instant now) const {
  SinkStatus status;
  status.has_connected = reach_.has_connected();
  status.inflight_records = out_records_;
  const Instant since = std::min({down_since_, silence_.quiet_since(), topics_.unanswered_since()});
  if ((since != kNever && now - since >= kDownAfter) || reach_.is_away(now)) {
    status.is_up = false;
    status.reason = why_down(since, now);
  }
  for (const auto& [key, lane] : lanes_) {
    if (std::string reason = why_stuck(*lane, now); !reason.empty())
      status.stuck.push_back({.topic = key.first, .partition = key.second, .reason = std::move(reason)});
  }
  for (const auto& [name, topic] : topics_.all()) {
    if (!topic.is_known() && !topic.reason.empty())
      status.stuck.push_back({.topic = name, .partition = -1, .reason = topic.reason});
  }
  return status;
}

}  // namespace tailrace
