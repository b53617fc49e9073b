#include "sinks/sink_factory.h"

#include <unistd.h>

#include <algorithm>

#include "sinks/kafka_sink.h"
#include "sinks/null_sink.h"
#include "sinks/rdkafka_handle.h"
#include "sinks/stdout_sink.h"

namespace tailrace {

std::uint64_t line_bytes_max(const SinkConfig& sink, const Config& config) {
  std::uint64_t bytes = 0;
  for (const TailerConfig& tailer : config.tailers) {
    if (tailer.sink == sink.name) bytes = std::max(bytes, tailer.max_line);
  }
  return bytes > 0 ? bytes : TailerConfig().max_line;
}

Result<std::unique_ptr<Sink>> make_sink(const SinkConfig& sink, const Config& config, const SinkSeams& seams) {
  switch (sink.type) {
    case SinkType::kafka: {
      auto made = KafkaSink::create(
          sink, config.agent, line_bytes_max(sink, config),
          {.files = seams.files,
           .workers = seams.workers,
           .make_client = seams.make_client,
           .try_settings = [name = config.agent.name](const SinkConfig& with) { return try_rdkafka(with, name); },
           .state = seams.state});
      if (!made) return std::move(made).error().during("sink", sink.name);
      return std::unique_ptr<Sink>(*std::move(made));
    }
    case SinkType::stdout_lines:
      return std::unique_ptr<Sink>(std::make_unique<StdoutSink>(STDOUT_FILENO, sink.memory, seams.workers));
    case SinkType::null:
      return std::unique_ptr<Sink>(std::make_unique<NullSink>(sink.memory));
    case SinkType::file:
      break;
  }
  return Error(ErrorKind::unsupported, "sink " + sink.name + ": type = \"file\" is not there yet");
}

}  // namespace tailrace
