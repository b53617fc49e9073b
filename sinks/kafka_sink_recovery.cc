// KafkaSink: silence, stuck lanes, and a new producer in place of one that will deliver nothing more.
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
constexpr Duration kMakeAgain = seconds(1);

}  // namespace

Status KafkaSink::make_client() {
  const KafkaClientOptions options{
      .client_id = agent_name_,
      .wake = wake_,
      .batch_bytes_max = batch_bytes_max_,
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
  for (const TopicAnswer& answer : found.answers) {
    is_probing_ = false;
    topics_.on_answer(answer, now);
    room_changed_ = true;
    watch_lanes_at_ = now;
    if (answer.fault != KafkaFault::no_answer) {
      has_connected_ = true;
      down_since_ = kNever;
      is_heard_ = silence_.state() != SilenceWatch::State::calm;
    }
    if (answer.fault == KafkaFault::no_answer) {
      note_trouble(answer.name, "no broker answers: " + answer.reason, now);
    } else if (answer.fault != KafkaFault::none) {
      note_trouble(answer.name, fmt::format("topic {}: {}", answer.topic, answer.reason), now);
    }
  }
  for (const KafkaTrouble& trouble : found.troubles) note_trouble(trouble.name, trouble.text, now);
}

// Counted each time, told when it starts and once a minute while it goes on.
void KafkaSink::note_trouble(const std::string& name, const std::string& text, Instant now) {
  ++counters_.errors[name];
  last_trouble_ = text;
  last_trouble_at_ = now;
  const auto [said, is_new] = trouble_said_.try_emplace(name, now);
  if (!is_new && now - said->second < kSayAgain) return;
  said->second = now;
  log::warn("sink {}: {}", config_.name, text);
}

void KafkaSink::watch_silence(Instant now, SinkEvents& events) {
  if (!client_ || now < silence_.next_deadline()) return;
  const SilenceWatch::State before = silence_.state();
  const SilenceWatch::State state = silence_.look(now, client_->cpu_time(), is_heard_);
  if (state == SilenceWatch::State::calm) return;
  if (before == SilenceWatch::State::calm) {
    is_heard_ = false;
    silence_said_at_ = now;
    log::warn("sink {}: no acknowledgement for {:.0f} s; nothing more is handed over until one comes", config_.name,
              to_seconds(now - silence_.quiet_since()));
  }
  if (state == SilenceWatch::State::spinning) {
    replace_client("no acknowledgement, and librdkafka spins over it", now, events);
    return;
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

void KafkaSink::watch_lanes(Instant now, SinkEvents& events) {
  if (now < watch_lanes_at_) return;
  bool has_waiting = false;
  for (const auto& [key, lane] : lanes_) {
    watch_lane(*lane, now, events);
    has_waiting = has_waiting || lane->is_waiting || !lane->held.empty();
  }
  watch_lanes_at_ = has_waiting || out_records_ > 0 ? now + kLaneTick : kNever;
}

void KafkaSink::watch_lane(KafkaLane& lane, Instant now, SinkEvents& events) {
  const bool was_ready = is_ready(lane);
  lane.is_stuck = lane.out_records > 0 && now - lane.quiet_since >= kStuckAfter;
  if (lane.is_waiting && lane.out_records == 0) {
    if (!lane.rewinding.empty()) rewind(lane, now, events);
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
  if (!is_ready(lane)) return;
  if (!was_ready) room_changed_ = true;
  if (!lane.is_gathering) send_held(lane, now);
}

void KafkaSink::replace_client(const std::string& why, Instant now, SinkEvents& events) {
  ++counters_.rebuilt_producers;
  log::warn("sink {}: {}: a new producer; what was not acknowledged is read again", config_.name, why);
  down_since_ = std::min(down_since_, silence_.quiet_since());
  for (const auto& [name, broker] : client_->statistics()) retries_before_[name] += broker.retries;
  Retired retired = retire_batches(now);
  retired.client = std::move(client_);
  retired.client->retire();
  retired_.push_back(std::move(retired));
  silence_.on_replaced();
  is_probing_ = false;
  is_heard_ = false;
  for (const auto& [key, lane] : lanes_) {
    lane->quiet_since = kNever;
    lane->is_stuck = false;
    lane->is_waiting = false;
    lane->rewinding.clear();
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
    } else if (open.out > 0 || open.is_given_back) {
      if (open.out > 0) {
        retired.books += open.books;
        // Where there is no room for them twice it is sent again when the old client is gone.
        if (!pool_->budget().try_take(open.books)) {
          open.books = 0;
          open.is_without_books = true;
          ++open.lane->without_books;
        }
      }
      open.is_given_back = false;
      open.refused.clear();
      open.lane->held.insert(id);
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
