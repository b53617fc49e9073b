#include "base/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <ctime>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log_repeats.h"
#include "base/printable.h"
#include "base/secrets.h"
#include "base/signals_blocked.h"
#include "base/write_all.h"

namespace tailrace::log {
namespace {

// Some seconds of a terminal that is held with Ctrl-S, and a bound where lines are long.
constexpr std::size_t kQueuedLinesMax = 8192;
constexpr std::size_t kQueuedBytesMax = 1024 * 1024;
constexpr Duration kStopWait = std::chrono::seconds(1);
constexpr int kPollMs = 100;  // how often a stuck stderr is asked again, and a stop is noticed meanwhile

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
  }
  return "?";
}

std::string rfc3339(WallTime t) {
  const std::int64_t ms = std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count();
  const std::int64_t in_second = ((ms % 1000) + 1000) % 1000;
  const std::time_t seconds = (ms - in_second) / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, in_second);
}

std::string text_line(const LogLine& line, WallTime wall) {
  std::string out = fmt::format("tailrace: {} {} {}", rfc3339(wall), name_of(line.level), printable(line.text));
  if (line.repeats > 0) out += fmt::format(" (came {} more times)", line.repeats);
  out += '\n';
  return out;
}

std::string json_line(const LogLine& line, WallTime wall) {
  nlohmann::ordered_json json = {
      {"time", rfc3339(wall)}, {"level", name_of(line.level)}, {"message", valid_utf8(line.text)}};
  if (line.repeats > 0) json["repeats"] = line.repeats;
  return printable_document(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + '\n';
}

// The running log: its queue and its thread. Held by both sides, so that a thread stuck in write(2) can be left behind.
class Writer : public std::enable_shared_from_this<Writer> {
 public:
  explicit Writer(LogFormat format) : format_(format) {}

  // False: no thread to be had.
  bool start() {
    const SignalsBlocked blocked;  // SIGPIPE too: a closed stderr is then an errno
    try {
      thread_ = std::thread([self = shared_from_this()] { self->run(); });
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  void stop() {
    std::unique_lock lock(mutex_);
    stop_by_ = clock_.now() + kStopWait;
    wake_.notify_all();
    const bool is_done =
        done_.wait_until(lock, stop_by_ + std::chrono::milliseconds(2 * kPollMs), [&] { return is_done_; });
    lock.unlock();
    if (is_done) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  void push(LogLine line) {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kQueuedLinesMax || queued_bytes_ >= kQueuedBytesMax) {
      ++dropped_;
      return;
    }
    queued_bytes_ += line.text.size();
    queue_.push_back(std::move(line));
    if (queue_.size() == 1) wake_.notify_one();
  }

 private:
  void run() {
    bool goes_on = true;
    while (goes_on) {
      std::vector<LogLine> lines;
      std::uint64_t dropped = 0;
      goes_on = wait(lines, dropped);
      for (const LogLine& line : lines) {
        if (repeats_.admit(line, clock_.now())) put(line);
      }
      for (const LogLine& line : goes_on ? repeats_.expire(clock_.now()) : repeats_.flush()) put(line);
      if (dropped > 0) {
        put({.level = LogLevel::warn,
             .text = fmt::format("{} log lines were dropped: stderr did not take them", dropped)});
      }
    }
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    done_.notify_all();
  }

  // Sleeps until there is something to do. False: it is the last time.
  bool wait(std::vector<LogLine>& lines, std::uint64_t& dropped) {
    std::unique_lock lock(mutex_);
    const auto has_work = [&] { return !queue_.empty() || stop_by_ != kNever; };
    const Instant deadline = repeats_.next_deadline();
    if (deadline == kNever) {
      wake_.wait(lock, has_work);
    } else {
      wake_.wait_until(lock, deadline, has_work);
    }
    lines.swap(queue_);
    queued_bytes_ = 0;
    dropped = std::exchange(dropped_, 0);
    return stop_by_ == kNever;
  }

  bool is_past_stop() {
    const std::lock_guard lock(mutex_);
    return clock_.now() >= stop_by_;
  }

  void put(const LogLine& line) {
    if (has_given_up_) return;
    const LogLine shown = {.level = line.level, .text = without_secrets(line.text), .repeats = line.repeats};
    const std::string out =
        format_ == LogFormat::text ? text_line(shown, clock_.wall()) : json_line(shown, clock_.wall());
    std::size_t done = 0;
    while (done < out.size()) {
      // At most PIPE_BUF after POLLOUT: a pipe then takes all of it without waiting. O_NONBLOCK would do the same, but
      // is a property of the open file, which the shell and others share.
      pollfd waiting = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
      const int ready = ::poll(&waiting, 1, kPollMs);
      const ssize_t n =
          ready <= 0 ? 0
                     : ::write(STDERR_FILENO, out.data() + done, std::min<std::size_t>(out.size() - done, PIPE_BUF));
      if (n < 0 && errno != EINTR && errno != EAGAIN) return;  // closed or full for good: there is nobody left to tell
      if (n <= 0) {
        has_given_up_ = is_past_stop();
        if (has_given_up_) return;
        continue;
      }
      done += static_cast<std::size_t>(n);
    }
  }

  const LogFormat format_;
  const SystemClock clock_;
  std::thread thread_;
  LogRepeats repeats_;         // the thread's own
  bool has_given_up_ = false;  // likewise: stderr took nothing until after the stop's time was over

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<LogLine> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  Instant stop_by_ = kNever;
  bool is_done_ = false;
};

std::atomic<LogLevel> level_now{LogLevel::info};

// Never destroyed: threads may log until the process is gone.
struct Current {
  std::mutex mutex;
  std::shared_ptr<Writer> writer;
};
Current& current() {
  static auto* const only = new Current;
  return *only;
}

std::shared_ptr<Writer> writer_now() {
  const std::lock_guard lock(current().mutex);
  return current().writer;
}

}  // namespace

void start(LogLevel level, LogFormat format) {
  stop();
  set_level(level);
  auto writer = std::make_shared<Writer>(format);
  if (!writer->start()) return;  // lines stay synchronous: better a log that may wait than none
  const std::lock_guard lock(current().mutex);
  current().writer = std::move(writer);
}

void stop() {
  std::shared_ptr<Writer> writer;
  {
    const std::lock_guard lock(current().mutex);
    writer.swap(current().writer);
  }
  if (writer != nullptr) writer->stop();
}

void set_level(LogLevel level) { level_now.store(level, std::memory_order_relaxed); }

bool enabled(LogLevel level) { return level >= level_now.load(std::memory_order_relaxed); }

void write(LogLevel level, std::string text) {
  if (!enabled(level)) return;
  if (const std::shared_ptr<Writer> writer = writer_now()) {
    writer->push({.level = level, .text = std::move(text)});
    return;
  }
  const std::string out = fmt::format("tailrace: {}\n", printable(without_secrets(std::move(text))));
  static_cast<void>(write_all(STDERR_FILENO, out));
}

}  // namespace tailrace::log
