// Stream: files that grow at a rate, the agent that ships them, and what became of their lines.
//
// Needs a real Kafka; its topic is the caller's. Several at once share one machine: give each its part of the rate.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/harness/agent_process.h"
#include "tests/e2e/harness/line_writer.h"
#include "tests/e2e/harness/paced_writer.h"
#include "tests/e2e/harness/stream_verifier.h"
#include "tests/e2e/harness/temp_dir.h"

namespace tailrace::e2e {

struct StreamOptions {
  std::string topic;
  int partitions = 1;
  int files = 1;
  std::uint64_t bytes_per_second = 20'000'000;  // of all files
  std::string brokers;                          // for the agent
  std::string agent_lines = {};                 // of [agent]
  std::string sink_lines = {};                  // of [sinks.main]
};

class Stream {
 public:
  explicit Stream(const StreamOptions& options);

  AgentProcess& agent() { return agent_; }
  void write();                           // from now on
  void stop_writing();                    // all that was begun is written
  void write_lines(std::uint64_t lines);  // at once, to each file; not while writing
  std::uint64_t bytes_written() const;

  // At least so many bytes more are acknowledged than now.
  bool wait_more_acked(std::uint64_t bytes, Bound bound);
  bool wait_shipped(Bound bound) { return agent_.wait_shipped(bytes_written(), bound); }
  // What the topic holds beside what was written. `bootstrap`: for the reader.
  StreamReport read_back(const std::string& bootstrap);

 private:
  StreamOptions options_;
  TempDir logs_{"logs"};
  std::vector<std::unique_ptr<LineWriter>> files_;
  std::vector<std::unique_ptr<PacedWriter>> writers_;
  AgentProcess agent_;
};

}  // namespace tailrace::e2e
