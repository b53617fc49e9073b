#include "tests/e2e/harness/paced_writer.h"

#include <algorithm>
#include <chrono>

#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {

PacedWriter::PacedWriter(LineWriter& writer, std::uint64_t bytes_per_second)
    : writer_(writer),
      bytes_per_second_(bytes_per_second),
      bytes_(writer.bytes_written()),
      thread_([this] { run(); }) {}

void PacedWriter::stop() {
  stops_ = true;
  if (thread_.joinable()) thread_.join();
}

void PacedWriter::run() {
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t before = bytes_.load();
  while (!stops_) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const auto due = static_cast<std::uint64_t>(elapsed.count() * static_cast<double>(bytes_per_second_));
    std::uint64_t written = bytes_.load() - before;
    if (due > written) {
      const std::lock_guard lock(mutex_);
      const std::uint64_t already = writer_.bytes_written();
      // Not too much at once, so that a rotation never waits long for its turn.
      writer_.write_bytes(std::min<std::uint64_t>(due - written, 1024 * 1024));
      bytes_ += writer_.bytes_written() - already;
    }
    pause(std::chrono::milliseconds(5));
  }
}

}  // namespace tailrace::e2e
