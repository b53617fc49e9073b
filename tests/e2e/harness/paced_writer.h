// PacedWriter: a thread that lets a LineWriter write at a bounded rate, while the test rotates in between.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

#include "tests/e2e/harness/line_writer.h"

namespace tailrace::e2e {

class PacedWriter {
 public:
  // Starts at once. When the machine is too slow for the rate it writes as fast as it can and catches up.
  PacedWriter(LineWriter& writer, std::uint64_t bytes_per_second);
  ~PacedWriter() { stop(); }
  PacedWriter(const PacedWriter&) = delete;
  PacedWriter& operator=(const PacedWriter&) = delete;

  void stop();  // after it the writer is the caller's again
  std::uint64_t bytes_written() const { return bytes_.load(); }

  // Runs `act(writer)` between two writes.
  template <class Act>
  void between_writes(Act&& act) {
    const std::lock_guard lock(mutex_);
    act(writer_);
  }

 private:
  void run();

  LineWriter& writer_;
  std::uint64_t bytes_per_second_;
  std::mutex mutex_;
  std::atomic<bool> stops_ = false;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::thread thread_;
};

}  // namespace tailrace::e2e
