// KafkaSink: silence, parking, stuck lanes, partitions that are gone, and a new producer in place of one that will
// deliver nothing more.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sinks/kafka_sink.h"

namespace tailrace {
namespace {

using std::chrono::seconds;
constexpr Duration kLaneTick = std::chrono::milliseconds(200);
constexpr Duration kStuckAfter = seconds(1);
constexpr Duration kSayAgain = seconds(60);
constexpr Duration kGiveUpAfter = seconds(5);
constexpr Duration kMakeAgain = seconds(1);

}  // namespace

Status KafkaSink::make_client() {
  const KafkaClientOptions options{
      .client_id = agent_name_,
      .wake = wake_,
      // Whether a long line is too large is the topic's to say, not the client's.
      .record_bytes_max = std::max(1'000'000u, static_cast<std::uint32_t>(line_bytes_max_) + 4096),
  };
  Result<std::unique_ptr<KafkaClient>> made = seams_.make_client(config_, options);
  if (!made) return std::move(made).error();
  client_ = *std::move(made);
  return {};
}

// After a failure to make one (no thread, no descriptor left): again and again.
void KafkaSink::keep_client(Instant now) {
  if (client_ || now < make_client_at_) return;
  if (Status made = make_client(); !made) {
    make_client_at_ = now + kMakeAgain;
    note_trouble("producer", made.error().text(), now);
    return;
  }
  make_client_at_ = kNever;
  topics_.ask_all(client_.get(), now);
}

void KafkaSink::on_troubles(KafkaEvents& found, Instant now) {
  bool is_sign = !found.troubles.empty();
  for (TopicAnswer& answer : found.answers) {
    if (answer.fault != KafkaFault::no_answer) {
      is_sign = true;
    } else if (std::string cause = reach_.cause(now); !cause.empty()) {
      answer.reason = std::move(cause);
    }
    if (!answer.topic.empty()) is_probing_ = false;
    if (const Topic* topic = topics_.known(answer.topic);
        topic != nullptr && answer.fault == KafkaFault::none && answer.partitions < topic->partitions) {
      log::warn("sink {}: topic {} has {} partitions now, it had {}: the others' files go to those", config_.name,
                answer.topic, answer.partitions, topic->partitions);
    }
    topics_.on_answer(answer, now);
    room_changed_ = true;
    watch_lanes_at_ = now;
    if (answer.fault != KafkaFault::no_answer) {
      down_since_ = kNever;
      is_heard_ = silence_.state() != SilenceWatch::State::calm;
    }
    if (answer.topic.empty()) continue;
    if (answer.fault == KafkaFault::no_answer) {
      note_trouble(answer.name, "no broker answers: " + answer.reason, now);
    } else if (answer.fault != KafkaFault::none) {
      note_trouble(answer.name, fmt::format("topic {}: {}", answer.topic, answer.reason), now);
    }
  }
  for (const TopicLimit& limit : found.limits) topics_.on_limit(limit);
  for (const KafkaTrouble& trouble : found.troubles) {
    const BrokerCause of = cause_of(trouble);
    note_trouble(trouble.name, to_string(of), now, of.address);
  }
  for (const BrokerConnection& each : found.connections) is_sign = is_sign || each.state == Connection::up;
  if (is_sign) on_signs(now);
}

// Counted each time, told when it starts and once a minute while it goes on.
void KafkaSink::note_trouble(const std::string& name, const std::string& text, Instant now, const std::string& about) {
  ++counters_.errors[name];
  last_trouble_ = text;
  last_trouble_at_ = now;
  const auto [said, is_new] = trouble_said_.try_emplace(name + ' ' + about, now);
  if (!is_new && now - said->second < kSayAgain) return;
  said->second = now;
  log::warn("sink {}: {}", config_.name, text);
}

void KafkaSink::watch_silence(Instant now) {
  if (!client_ || now < silence_.next_deadline()) return;
  const SilenceWatch::State before = silence_.state();
  if (silence_.look(now) == SilenceWatch::State::calm) return;
  if (before == SilenceWatch::State::calm) {
    is_heard_ = false;
    silence_said_at_ = now;
    log::warn("sink {}: no acknowledgement for {:.0f} s; nothing more is handed over until one comes", config_.name,
              to_seconds(now - silence_.quiet_since()));
  }
  // Is it all brokers, or those of the stuck lanes only?
  if (is_probing_ || is_heard_) return;
  for (const auto& [key, lane] : lanes_) {
    if (lane->out_records == 0) continue;
    is_probing_ = true;
    client_->request_metadata(lane->topic.name);
    return;
  }
}

void KafkaSink::watch_spins(Instant now) {
  if (!client_) return;
  for (auto& [id, broker] : brokers_) {
    if (now >= broker.spin.next_deadline()) act(id, broker.spin.look(now, client_->cpu_time(id)));
  }
}

// What may mean that a silence is over.
void KafkaSink::on_signs(Instant now) {
  for (auto& [id, broker] : brokers_) act(id, broker.spin.on_sign(now));
}

void KafkaSink::act(std::int32_t broker, SpinWatch::Verdict verdict) {
  if (verdict == SpinWatch::Verdict::none) return;
  const bool parks = verdict == SpinWatch::Verdict::park;
  std::vector<PartitionName> partitions;
  for (const auto& [key, lane] : lanes_) {
    if (parks ? lane->broker != broker || lane->out_records == 0 : lane->broker != broker || !lane->is_parked) continue;
    lane->is_parked = parks;
    partitions.push_back({key.first, key.second});
  }
  if (partitions.empty()) return;
  if (parks) {
    client_->park(partitions);
  } else {
    client_->resume(partitions);
    room_changed_ = true;
  }
}

void KafkaSink::watch_lanes(Instant now, SinkEvents& events) {
  if (now < watch_lanes_at_) return;
  for (const auto& [key, lane] : lanes_) watch_lane(*lane, now, events);
  const bool has_waiting = std::any_of(lanes_.begin(), lanes_.end(), [](const auto& each) {
    return each.second->is_waiting || !each.second->held.empty();
  });
  watch_lanes_at_ = has_waiting || out_records_ > 0 ? now + kLaneTick : kNever;
}

void KafkaSink::watch_lane(KafkaLane& lane, Instant now, SinkEvents& events) {
  const bool was_ready = is_ready(lane);
  lane.is_stuck = lane.out_records > 0 && now - lane.quiet_since >= kStuckAfter;
  if (lane.is_waiting && lane.out_records == 0) {
    const bool is_answered = lane.topic.answers > lane.answers_before;
    if (!is_answered && now >= lane.retry_at) {
      // The answer was lost with its client, or nobody gave one.
      topics_.distrust(lane.topic, client_.get(), now);
      lane.retry_at = now + lane.backoff;
    } else if (now >= lane.retry_at && lane.topic.is_known()) {
      lane.is_waiting = false;
      lane.reason.clear();
    }
  }
  if (lane.topic.is_known() && !has_partition(lane) && lane.out_records == 0) leave(lane, now, events);
  lane.gone_since = has_partition(lane) ? kNever : std::min(lane.gone_since, now);
  // A broker that has just started may know no topic yet: several answers have come meanwhile.
  if (lane.is_stuck && lane.gone_since != kNever && now - lane.gone_since >= kGiveUpAfter) give_up(lane);
  if (!is_ready(lane)) return;
  if (!was_ready) room_changed_ = true;
  if (!lane.is_gathering) send_held(lane, now);
}

// Its topic or partition is gone with records of it in the client's hands. Where it was ever told to pause librdkafka
// does not report them by itself.
void KafkaSink::give_up(const KafkaLane& lane) {
  if (!config_.idempotence) {
    client_->give_back_queued();
  } else {
    replace_why_ = "topic " + lane.topic.name + " is gone with records of it on their way";
  }
}

// Its partition is gone: what it holds is read again and routed anew; what cannot be goes to a partition that is there.
void KafkaSink::leave(KafkaLane& lane, Instant now, SinkEvents& events) {
  lane.is_waiting = false;
  lane.reason.clear();
  if (std::exchange(lane.is_gathering, false)) std::erase(gathering_, &lane);
  room_changed_ = true;
  std::set<SourceId> rewound;
  std::vector<BatchId> dropped, pinned;
  for (const auto& [id, open] : open_) {
    if (open.lane != &lane) continue;
    if (sources_[open.batch.source].is_pinned) {
      pinned.push_back(id);
    } else {
      rewound.insert(open.batch.source);
      dropped.push_back(id);
    }
  }
  for (const BatchId id : dropped) forget(id, now);
  events.rewound.insert(events.rewound.end(), rewound.begin(), rewound.end());
  move_held(lane, pinned, now);
  lane.spool_reason.clear();
}

void KafkaSink::move_held(KafkaLane& from, const std::vector<BatchId>& batches, Instant now) {
  if (batches.empty()) return;
  KafkaLane& to = lane_of(from.topic, from.partition % from.topic.partitions);
  for (const BatchId id : batches) {
    OpenBatch& open = open_.at(id);
    const bool is_held = from.held.erase(id) > 0;
    if (is_held) from.gathered -= open.batch.end - open.batch.begin;
    set_charge(from, from.charge - open.charge);
    set_charge(to, to.charge + open.charge);
    if (open.is_without_books) {
      --from.without_books;
      ++to.without_books;
    }
    open.lane = &to;
    if (is_held) hold(id, open);
  }
  if (from.charge == 0) from.empty_since = now;
  watch_lanes_at_ = now;
}

void KafkaSink::replace_client(const std::string& why, Instant now, SinkEvents& events) {
  ++counters_.rebuilt_producers;
  replace_why_.reset();
  log::warn("sink {}: {}: a new producer; what was not acknowledged is read again", config_.name, why);
  down_since_ = std::min(down_since_, silence_.quiet_since());
  for (const auto& [name, broker] : client_->statistics()) retries_before_[name] += broker.retries;
  Retired retired = retire_batches(now);
  retired.client = std::move(client_);
  retired.client->retire();
  retired_.push_back(std::move(retired));
  silence_.on_replaced();
  brokers_.clear();
  is_probing_ = false;
  is_heard_ = false;
  reach_.on_replaced(now);
  for (const auto& [key, lane] : lanes_) {
    lane->quiet_since = kNever;
    lane->out_bytes = 0;
    lane->is_stuck = false;
    lane->is_parked = false;
    lane->is_proven = false;
    lane->is_waiting = false;
    lane->spool_reason.clear();
  }
  events.rewind_all = true;
  room_changed_ = true;
  topics_.ask_all(nullptr, now);
  make_client_at_ = now;
  keep_client(now);
  watch_lanes_at_ = now;
}

// The old client reads the records until it is gone: so long their memory stays, and is charged.
KafkaSink::Retired KafkaSink::retire_batches(Instant now) {
  Retired retired;
  std::vector<BatchId> dropped;
  for (auto& [id, open] : open_) {
    if (open.out > 0) retired.slices.push_back(open.batch.slice.share());
    open.lane->out_records -= open.out;
    out_records_ -= open.out;
    if (!sources_[open.batch.source].is_pinned) {
      if (open.out > 0) retired.books += std::exchange(open.books, 0);
      dropped.push_back(id);
    } else if (open.out > 0) {
      retired.books += open.books;
      // Where there is no room for them twice it is sent again when the old client is gone.
      if (!pool_->budget().try_take(open.books)) {
        open.books = 0;
        open.is_without_books = true;
        ++open.lane->without_books;
      }
      // Reports come in order: what was not reported are the last `out` of those handed over.
      if (!std::exchange(open.is_given_back, false)) open.next_line -= open.out;
      std::erase_if(open.refused, [&open](const RefusedLine& line) { return line.index >= open.next_line; });
      hold(id, open);
    }
    open.out = 0;
  }
  for (const BatchId id : dropped) forget(id, now);
  return retired;
}

void KafkaSink::reap_retired() {
  const auto is_gone = [this](Retired& retired) {
    if (!retired.client->is_gone()) return false;
    for (auto& [id, open] : open_) {
      const std::uint64_t books = open.batch.lines.size() * kRecordOverheadBytes;
      if (!open.is_without_books || books > retired.books) continue;
      retired.books -= books;
      open.books = books;
      open.is_without_books = false;
      --open.lane->without_books;
    }
    pool_->budget().give_back(retired.books);
    room_changed_ = true;
    return true;
  };
  std::erase_if(retired_, is_gone);
}

// An open chunk is charged whole: a lane that has fallen quiet gives it back.
void KafkaSink::close_quiet_arenas(Instant now) {
  if (now < close_arenas_at_) return;
  close_arenas_at_ = kNever;
  for (const auto& [key, lane] : lanes_) {
    if (lane->charge > 0) continue;
    if (now - lane->empty_since >= kQuietArena) {
      lane->arena.close();
    } else {
      close_arenas_at_ = std::min(close_arenas_at_, lane->empty_since + kQuietArena);
    }
  }
  if (open_.empty()) pool_->trim();
}

void KafkaSink::gather_statistics() {
  counters_.broker_retries = retries_before_;
  for (const auto& [name, broker] : client_->statistics()) {
    counters_.broker_retries[name] += broker.retries;
    counters_.broker_rtt_seconds[name] = broker.rtt_seconds;
  }
}

}  // namespace tailrace
