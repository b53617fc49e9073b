#include "sinks/stdout_sink.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/write_all.h"

namespace tailrace {
namespace {

// What one job writes: enough to make its cost small, little enough to be acknowledged soon.
constexpr std::uint64_t kJobBytes = 1024 * 1024;
constexpr Duration kDownAfter = std::chrono::seconds(5);

// Empty: all was written.
std::string failure_of(const Status& written) {
  if (written) return "";
  return written.error().sys_errno() == EPIPE ? "stdout is closed" : "stdout: " + written.error().text();
}

std::string text_of(const std::vector<Batch>& batches) {
  std::string text;
  for (const Batch& batch : batches) {
    const char* bytes = reinterpret_cast<const char*>(batch.slice.data());
    for (const Line& line : batch.lines) {
      text.append(bytes + line.begin, line.bytes);
      text += '\n';
    }
  }
  return text;
}

}  // namespace

struct StdoutSink::Job {
  int fd;
  std::string text;
  std::string failure = {};
};

StdoutSink::StdoutSink(int fd, std::uint64_t memory_bytes, WorkerPool& workers)
    : out_(fd), workers_(workers), pool_(std::make_unique<ChunkPool>(memory_bytes)) {}

StdoutSink::~StdoutSink() = default;

// A quarter in flight keeps the writer busy; the rest of `memory` is for the reads of other turns.
std::uint64_t StdoutSink::room(const Lane&) const {
  if (stop_ || waiting_bytes_ >= pool_->budget().limit() / 4) return 0;
  return pool_->budget().left();
}

void StdoutSink::publish(Lane&, Batch batch, Instant) {
  pool_->budget().take(batch.lines.size() * kRecordOverheadBytes);
  waiting_bytes_ += batch.slice.size();
  inflight_records_ += batch.lines.size();
  waiting_.push_back(std::move(batch));
}

void StdoutSink::flush(Instant now) {
  if (!writing_.empty() || waiting_.empty() || stop_) return;
  std::uint64_t bytes = 0;
  while (!waiting_.empty() && bytes < kJobBytes) {
    bytes += waiting_.front().slice.size();
    writing_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  writing_since_ = now;
  // Copied: a job that hangs in a stuck pipe may outlast us.
  auto job = std::make_shared<Job>(out_, text_of(writing_));
  workers_.submit(
      owner_, [job] { job->failure = failure_of(write_all(job->fd, job->text)); },
      [this, job](Instant) { on_written(job->failure); });
}

void StdoutSink::on_written(const std::string& failure) {
  writing_since_ = kNever;
  if (!failure.empty()) {
    stop_ = failure;
  } else {
    for (const Batch& batch : writing_) {
      settled_.push_back({.batch = batch.id});
      pool_->budget().give_back(batch.lines.size() * kRecordOverheadBytes);
      waiting_bytes_ -= batch.slice.size();
      inflight_records_ -= batch.lines.size();
    }
    writing_.clear();
  }
  wake_.signal();
}

void StdoutSink::poll(Instant now, SinkEvents& events) {
  wake_.clear();
  if (!settled_.empty()) {
    events.settled.insert(events.settled.end(), settled_.begin(), settled_.end());
    settled_.clear();
    events.room_changed = true;
  }
  if (stop_) events.stop = stop_;
  flush(now);
}

SinkStatus StdoutSink::status(Instant now) const {
  SinkStatus status;
  status.has_connected = true;
  status.inflight_records = inflight_records_;
  if (stop_) {
    status.is_up = false;
    status.reason = *stop_;
  } else if (writing_since_ != kNever && now - writing_since_ >= kDownAfter) {
    status.is_up = false;
    status.reason = fmt::format("stdout takes nothing for {:.0f} s", to_seconds(now - writing_since_));
  }
  return status;
}

}  // namespace tailrace
