// World: what is promised of Kafka in trouble: who waits goes on by itself, what is stuck leaves room for the others,
// what was refused for good is counted, or in the spool.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sinks/sink.h"
#include "tests/sim/world/world.h"

namespace tailrace::sim {
namespace {

// A lane's longest backoff, and the question that it waits for, which a broker that was away may leave unanswered.
constexpr Duration kGoesOnWithin = std::chrono::seconds(20);
// With nothing out there is nothing to wait for; a turn or two may lie between.
constexpr Duration kStarvesAtMost = std::chrono::seconds(1);

// What is out and gets no answer is noticed: the lanes are looked at in steps of 200 ms.
constexpr Duration kLooksWithin = std::chrono::milliseconds(250);

constexpr std::string_view kWaitsForMemory = "the sink's memory is in use";

std::uint64_t rejected_of(const SinkCounters& counters) {
  return counters.rejected_invalid + counters.rejected_timestamp + counters.rejected_too_large;
}

// The whole records of a spool (docs/rejected_format.md).
std::uint64_t records_of_spool(std::string_view text) {
  constexpr std::string_view kBytes = "\"bytes\":";
  std::uint64_t records = 0;
  for (std::size_t at = 0; at < text.size(); ++records) {
    const std::size_t end = text.find('\n', at);
    const std::size_t key = text.find(kBytes, at);
    std::size_t bytes = 0;
    if (end == std::string_view::npos || key > end) return records;
    std::from_chars(text.data() + key + kBytes.size(), text.data() + end, bytes);
    at = end + 1 + bytes + 1;
    if (at > text.size() || text[at - 1] != '\n') return records;
  }
  return records;
}

}  // namespace

void World::check_sink(const Snapshot& snapshot) {
  const SinkSnapshot& sink = snapshot.sinks[0];
  check_rejected(snapshot);
  if (sink.status.stuck.empty()) {
    stuck_since_ = kNever;
  } else if (stuck_since_ == kNever) {
    stuck_since_ = clock_.now();
    stuck_ = fmt::format("{}/{}: {}", sink.status.stuck[0].topic, sink.status.stuck[0].partition,
                         sink.status.stuck[0].reason);
  }
  if (sink.status.inflight_records > 0 && pipeline_->next_deadline() > clock_.now() + kLooksWithin)
    breach(fmt::format("sleeps: {} records are out, and nobody looks at them for {:.1f} s",
                       sink.status.inflight_records, to_seconds(pipeline_->next_deadline() - clock_.now())));
  const std::vector<LaggingFile>& files = snapshot.tailers[0].files_lagging;
  const auto waits =
      std::find_if(files.begin(), files.end(), [](const LaggingFile& file) { return file.reason == kWaitsForMemory; });
  // One lane may have a quarter of it.
  const std::size_t lanes_out_max = cluster_.has_stalled() ? 1 : 0;
  const bool is_free = cluster_.lanes_out() <= lanes_out_max && cluster_.clients() == 1 &&
                       sink.status.stuck.size() <= lanes_out_max &&
                       (lanes_out_max > 0 || sink.status.inflight_records == 0);
  if (waits == files.end() || !is_free) {
    starved_since_ = kNever;
  } else if (starved_since_ == kNever) {
    starved_since_ = clock_.now();
    starved_ = waits->path;
  }
  // A quarter, by what a line weighed lately: where there are long ones too, the short ones that follow weigh up to
  // four times so much, and where there are none still up to three times.
  const std::uint64_t stuck_max = sink.buffer_limit_bytes * 3 / 4;
  const std::uint64_t stuck = program_.max_line > 128 ? 0 : cluster_.stuck_bytes(kRecordOverheadBytes);
  if (stuck > stuck_max)
    breach(fmt::format("stuck: {} bytes are out and without an answer, {} may be", stuck, stuck_max));
}

// Judged before a turn: it may have slept for too long.
void World::check_goes_on() {
  const Instant calm = std::max(kafka_calm_, store_calm_);  // what is refused waits for the spool
  if (stuck_since_ != kNever && clock_.now() - std::max(stuck_since_, calm) > kGoesOnWithin)
    breach(fmt::format("waits: Kafka is well, and since {:.1f} s {}", to_seconds(clock_.now() - stuck_since_), stuck_));
  const Instant since = cluster_.has_stalled() ? starved_since_ : std::max(starved_since_, calm);
  if (starved_since_ != kNever && clock_.now() - since > kStarvesAtMost)
    breach(fmt::format("starves: {} is out, and {} waits for memory",
                       cluster_.has_stalled() ? "one partition's" : "nothing", starved_));
}

void World::check_rejected(const Snapshot& snapshot) {
  const std::uint64_t rejected = rejected_before_ + rejected_of(snapshot.sinks[0].counters);
  if (rejected == rejected_checked_) return;
  rejected_checked_ = rejected;
  if (program_.on_reject == OnReject::drop) {
    constexpr auto kRejected = static_cast<std::size_t>(LostReason::rejected);
    const std::uint64_t lost = lost_before_[kRejected] + snapshot.tailers[0].counters.lost_bytes[kRejected];
    if (rejected == refused_ && lost != refused_bytes_)
      breach(fmt::format("uncounted: {} bytes of refused records were dropped, {} are counted", refused_bytes_, lost));
    return;
  }
  // Counted is what is in the spool for good: it is there although the power is lost now.
  SimRandom random(program_.seed);
  const auto left = disk_.after_crash(CrashMode::drop, random, [](std::uint64_t) { return true; });
  const std::string path = config_.agent.state_dir + "/rejected/" + config_.sinks[0].name + ".spool";
  const std::uint64_t spooled = left->exists(path) ? records_of_spool(left->content(path)) : 0;
  if (spooled < rejected)
    breach(fmt::format("spool: {} records were refused for good, it holds {}", rejected, spooled));
}

}  // namespace tailrace::sim
