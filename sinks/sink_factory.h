// make_sink: the Sink of a [sinks.x].
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/file_system.h"
#include "base/worker_pool.h"
#include "buffer/state_home.h"
#include "config/config.h"
#include "sinks/kafka_client.h"
#include "sinks/rdkafka_client.h"
#include "sinks/sink.h"

namespace tailrace {

struct SinkSeams {
  FileSystem& files;
  WorkerPool& workers;
  KafkaClientFactory make_client = make_rdkafka_client;
  std::shared_ptr<StateHome> state = nullptr;  // as the agent holds it; none: by the config's path
};

// Waits for nothing. `config` is the whole one: its tailers say how long a line may be, its agent who ships.
// Errors: bad_input (a wrong librdkafka property or template), io (no thread), unsupported (a type of a later release).
Result<std::unique_ptr<Sink>> make_sink(const SinkConfig& sink, const Config& config, const SinkSeams& seams);

// The longest line of the tailers that ship to `sink`.
std::uint64_t line_bytes_max(const SinkConfig& sink, const Config& config);

}  // namespace tailrace
