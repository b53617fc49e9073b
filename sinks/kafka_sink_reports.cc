// KafkaSink: from a delivery report to a settled or rewound batch.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "sinks/kafka_sink.h"

namespace tailrace {
namespace {

constexpr Duration kBackoffMin = std::chrono::seconds(1);
constexpr Duration kBackoffMax = std::chrono::seconds(10);
constexpr Duration kSpoolRetry = std::chrono::seconds(1);

}  // namespace

void KafkaSink::on_reports(const std::vector<DeliveryReport>& reports, Instant now) {
  if (reports.empty()) return;
  for (const DeliveryReport& report : reports) {
    const auto found = open_.find(report.token);
    TR_ASSERT(found != open_.end(), "sink {}: a report for batch {}, which is not open", config_.name, report.token);
    OpenBatch& open = found->second;
    KafkaLane& lane = *open.lane;
    TR_ASSERT(report.count <= open.out, "batch {}: {} reports for {} records", report.token, report.count, open.out);
    open.out -= report.count;
    lane.out_records -= report.count;
    out_records_ -= report.count;
    lane.quiet_since = lane.out_records > 0 ? now : kNever;
    if (lane.out_records == 0) lane.out_bytes = 0;
    Broker& broker = brokers_[lane.broker];
    broker.out_records -= report.count;
    act(lane.broker, broker.spin.on_report(now, broker.out_records == 0));
    if (std::exchange(lane.is_stuck, false)) {
      room_changed_ = true;
      watch_lanes_at_ = now;
    }
    if (report.fault == KafkaFault::none) {
      lane.is_proven = true;
    } else {
      on_failed_record(open, report, now);
    }
    if (open.out == 0) on_batch_told(report.token, open, now);
    if (lane.out_records == 0 && lane.is_waiting) watch_lanes_at_ = now;
  }
  if (is_mute()) watch_lanes_at_ = now;
  silence_.on_answer(now, out_records_ == 0);
  down_since_ = kNever;
  is_heard_ = false;
  if (std::exchange(silence_said_at_, kNever) != kNever)
    log::info("sink {}: acknowledgements have come back", config_.name);
}

void KafkaSink::on_failed_record(OpenBatch& open, const DeliveryReport& report, Instant now) {
  KafkaLane& lane = *open.lane;
  const auto begin = static_cast<std::uint32_t>(report.value - open.batch.slice.data());
  const std::vector<Line>& lines = open.batch.lines;
  const auto line = std::lower_bound(lines.begin(), lines.end(), begin,
                                     [](const Line& each, std::uint32_t at) { return each.begin < at; });
  TR_ASSERT(line != lines.end() && line->begin == begin, "batch {}: no line begins at {}", report.token, begin);
  const auto index = static_cast<std::uint32_t>(line - lines.begin());
  // The broker judges whole requests: one that is too large may hold only records that are not.
  const bool is_of_request = report.fault == KafkaFault::request_too_large && lane.request_records > 1;
  if (is_refusal(report.fault) && !is_of_request) {
    open.refused.push_back({.index = index, .fault = report.fault, .reason = report.reason});
    return;
  }
  if (!open.is_given_back) open.next_line = index;
  open.is_given_back = true;
  if (!is_of_request) {
    note_trouble(std::string(report.name),
                 fmt::format("topic {}, partition {}: {}", lane.topic.name, lane.partition, report.reason), now);
    wait(lane, std::string(report.reason), now);
  } else if (lane.refused_request != lane.requests) {
    lane.refused_request = lane.requests;  // once a request
    TopicBook::on_request_refused(lane.topic, lane.out_bytes, now);
    note_trouble(std::string(report.name),
                 fmt::format("topic {} refuses a request of {} bytes: up to {} are tried", lane.topic.name,
                             lane.out_bytes, lane.topic.request_bytes_max),
                 now);
  }
}

// All that is out of it is reported; more of it may be held.
void KafkaSink::on_batch_told(BatchId id, OpenBatch& open, Instant now) {
  KafkaLane& lane = *open.lane;
  if (std::exchange(open.is_given_back, false)) hold(id, open);
  if (lane.held.contains(id)) {
    if (!lane.is_gathering) watch_lanes_at_ = now;
    return;
  }
  lane.backoff = Duration(0);
  TopicBook::on_request_taken(lane.topic, now);
  if (open.refused.empty()) {
    settle(id, open, now);
  } else {
    settle_refused(id, open, now);
  }
}

void KafkaSink::settle(BatchId id, OpenBatch& open, Instant now) {
  Settled settled{.batch = id};
  if (!open.refused.empty()) {
    settled.outcome = Outcome::rejected;
    settled.rejected_lines = static_cast<std::uint32_t>(open.refused.size());
    for (const RefusedLine& refused : open.refused) settled.rejected_bytes += open.batch.lines[refused.index].bytes;
    count_refused(open);
  }
  settled_.push_back(settled);
  forget(id, now);
}

void KafkaSink::count_refused(const OpenBatch& open) {
  for (const RefusedLine& refused : open.refused) {
    if (refused.fault == KafkaFault::too_large || refused.fault == KafkaFault::request_too_large) {
      ++counters_.rejected_too_large;
    } else if (refused.fault == KafkaFault::bad_timestamp) {
      ++counters_.rejected_timestamp;
    } else {
      ++counters_.rejected_invalid;
    }
  }
}

void KafkaSink::settle_refused(BatchId id, OpenBatch& open, Instant now) {
  const RefusedLine& first = open.refused.front();
  const std::string text =
      fmt::format("topic {}, partition {}: {} of {} records refused for good: {}", open.lane->topic.name,
                  open.lane->partition, open.refused.size(), open.batch.lines.size(), first.reason);
  note_trouble("rejected", text, now);
  switch (config_.on_reject) {
    case OnReject::drop:
      settle(id, open, now);
      break;
    case OnReject::stop:
      // Not settled: the next start reads it again.
      if (!stop_) stop_ = fmt::format("sink {}: {}", config_.name, text);
      break;
    case OnReject::spool:
      to_spool_.push_back(id);
      break;
  }
}

void KafkaSink::forget(BatchId id, Instant now) {
  const auto found = open_.find(id);
  OpenBatch& open = found->second;
  KafkaLane& lane = *open.lane;
  pool_->budget().give_back(open.books);
  if (open.is_without_books) --lane.without_books;
  set_charge(lane, lane.charge - open.charge);
  if (lane.held.erase(id) > 0) lane.gathered -= open.batch.end - open.batch.begin;
  if (lane.charge == 0) {
    lane.empty_since = now;
    close_arenas_at_ = std::min(close_arenas_at_, now + kQuietArena);
  }
  const auto source = sources_.find(open.batch.source);
  if (--source->second.open == 0) sources_.erase(source);
  open_.erase(found);
  room_changed_ = true;
}

void KafkaSink::wait(KafkaLane& lane, std::string reason, Instant now) {
  lane.reason = std::move(reason);
  if (lane.is_waiting) return;
  lane.is_waiting = true;
  lane.backoff = lane.backoff == Duration(0) ? kBackoffMin : std::min(2 * lane.backoff, kBackoffMax);
  lane.retry_at = now + lane.backoff;
  lane.answers_before = lane.topic.answers;
  topics_.distrust(lane.topic, client_.get(), now);
}

void KafkaSink::spool_next(Instant now) {
  while (!to_spool_.empty() && !open_.contains(to_spool_.front())) to_spool_.pop_front();
  if (to_spool_.empty() || spool_->is_busy() || (spool_at_ != kNever && now < spool_at_)) return;
  const BatchId id = to_spool_.front();
  to_spool_.pop_front();
  spool_at_ = kNever;
  const OpenBatch& open = open_.at(id);
  std::vector<RejectedRecord> records;
  for (const RefusedLine& refused : open.refused) {
    const Line& line = open.batch.lines[refused.index];
    const auto* bytes = reinterpret_cast<const char*>(open.batch.slice.data()) + line.begin;
    records.push_back({.topic = open.lane->topic.name,
                       .partition = open.lane->partition,
                       .source = open.batch.source,
                       .offset = open.batch.slice_offset + line.begin,
                       .reason = std::string(refused.reason),
                       .value = std::string(bytes, line.bytes)});
  }
  spool_->append(std::move(records), [this, id](const Status& status, Instant done) { on_spooled(id, status, done); });
}

void KafkaSink::on_spooled(BatchId id, const Status& status, Instant now) {
  wake_->signal();  // what is settled here is handed out by the next poll, which also spools the next one
  const auto found = open_.find(id);
  if (found == open_.end()) return;  // dropped meanwhile, and read again
  OpenBatch& open = found->second;
  if (status) {
    if (!open.lane->spool_reason.empty()) room_changed_ = true;
    open.lane->spool_reason.clear();
    settle(id, open, now);
  } else {
    note_trouble("spool", status.error().text(), now);
    open.lane->spool_reason = "refused records cannot be spooled: " + status.error().text();
    to_spool_.push_front(id);
    spool_at_ = now + kSpoolRetry;
  }
}

}  // namespace tailrace
