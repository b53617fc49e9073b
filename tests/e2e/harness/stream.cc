#include "tests/e2e/harness/stream.h"

#include "tests/e2e/harness/topic_reader.h"

namespace tailrace::e2e {
namespace {

AgentConfig config_of(const StreamOptions& options, const TempDir& logs) {
  AgentConfig config;
  config.include = {logs / "*.log"};
  config.brokers = options.brokers;
  config.topic = options.topic;
  config.agent_lines = options.agent_lines;
  config.sink_lines = options.sink_lines;
  return config;
}

}  // namespace

Stream::Stream(const StreamOptions& options) : options_(options), agent_(config_of(options, logs_)) {
  for (int i = 0; i < options.files; ++i) {
    const std::string name = "w" + std::to_string(i);
    files_.push_back(std::make_unique<LineWriter>(
        LineRecipe{.writer = name, .seed = 15, .bytes_min = 150, .bytes_max = 250}, logs_ / (name + ".log")));
  }
}

void Stream::write() {
  for (const auto& file : files_)
    writers_.push_back(std::make_unique<PacedWriter>(*file, options_.bytes_per_second / files_.size()));
}

void Stream::stop_writing() { writers_.clear(); }

void Stream::write_lines(std::uint64_t lines) {
  for (const auto& file : files_) file->write_lines(lines);
}

std::uint64_t Stream::bytes_written() const {
  std::uint64_t sum = 0;
  for (const auto& file : files_) sum += file->bytes_written();
  return sum;
}

bool Stream::wait_more_acked(std::uint64_t bytes, Bound bound) {
  double wanted = -1;
  return agent_.wait_metrics(
      [&](const MetricsText& now) {
        const double acked = now.sum("tailrace_acked_bytes_total");
        if (wanted < 0) wanted = acked + static_cast<double>(bytes);
        return acked >= wanted;
      },
      bound);
}

StreamReport Stream::read_back(const std::string& bootstrap) {
  StreamVerifier verifier;
  for (const auto& file : files_) verifier.expect(*file);
  read_topic(bootstrap, options_.topic, options_.partitions,
             [&](std::int32_t partition, std::string_view value) { verifier.take(partition, value); });
  return verifier.report();
}

}  // namespace tailrace::e2e
