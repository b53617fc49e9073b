#include "sinks/rdkafka_describe.h"

#include <librdkafka/rdkafka.h>

#include <charconv>
#include <memory>

#include "sinks/rdkafka_handle.h"

namespace tailrace {
namespace {

struct AdminDeleter {
  void operator()(rd_kafka_ConfigResource_t* resource) const { rd_kafka_ConfigResource_destroy(resource); }
  void operator()(rd_kafka_AdminOptions_t* options) const { rd_kafka_AdminOptions_destroy(options); }
};
template <class T>
using AdminPtr = std::unique_ptr<T, AdminDeleter>;

int milliseconds_of(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

void rdkafka_ask_settings(rd_kafka_t* handle, RdKafkaResource kind, const std::string& name, Duration timeout,
                          rd_kafka_queue_t* queue) {
  const rd_kafka_ResourceType_t type =
      kind == RdKafkaResource::topic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER;
  const AdminPtr<rd_kafka_ConfigResource_t> resource(rd_kafka_ConfigResource_new(type, name.c_str()));
  const AdminPtr<rd_kafka_AdminOptions_t> options(rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  char text[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), milliseconds_of(timeout), text, sizeof text);
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(handle, resources, 1, options.get(), queue);
}

Result<RdKafkaSettings> rdkafka_describe(rd_kafka_t* handle, RdKafkaResource kind, const std::string& name,
                                         Duration timeout) {
  const RdKafkaPtr<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle));
  rdkafka_ask_settings(handle, kind, name, timeout, queue.get());
  const RdKafkaPtr<rd_kafka_event_t> event(rd_kafka_queue_poll(queue.get(), 2 * milliseconds_of(timeout)));
  if (!event) return Error(ErrorKind::again, "no answer");
  return rdkafka_read_settings(event.get());
}

Result<RdKafkaSettings> rdkafka_read_settings(rd_kafka_event_t* event) {
  // It has told its versions: it answers.
  if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
    return Error(ErrorKind::refused, rd_kafka_event_error_string(event));
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Error(ErrorKind::again, rd_kafka_event_error_string(event));
  std::size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(event);
  const auto** answers = rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count != 1) return Error(ErrorKind::again, "no answer");
  if (rd_kafka_ConfigResource_error(answers[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Error(ErrorKind::refused, rd_kafka_err2str(rd_kafka_ConfigResource_error(answers[0])));
  RdKafkaSettings settings{.name = rd_kafka_ConfigResource_name(answers[0]), .values = {}};
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(answers[0], &count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    settings.values[rd_kafka_ConfigEntry_name(entries[i])] = value == nullptr ? "" : value;
  }
  return settings;
}

std::optional<std::uint64_t> rdkafka_number(const std::map<std::string, std::string>& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end()) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace tailrace
