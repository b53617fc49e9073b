#include "agent/status_json.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tailrace {

namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity: the library would write null.
double finite(double value) { return std::isfinite(value) ? value : 0; }

Json lag_json(const Lag& lag) { return {{"bytes", lag.bytes}, {"seconds", finite(lag.seconds)}}; }

Json file_json(const LaggingFile& file) {
  return {{"path", file.path},   {"inode", file.inode},     {"size", file.size},   {"read", file.read},
          {"acked", file.acked}, {"durable", file.durable}, {"state", file.state}, {"reason", file.reason}};
}

Json tailer_json(const TailerSnapshot& tailer, std::size_t lagging_files_max) {
  Json files = Json::array();
  const std::size_t count = std::min(tailer.files_lagging.size(), lagging_files_max);
  for (std::size_t i = 0; i < count; ++i) files.push_back(file_json(tailer.files_lagging[i]));
  return {
      {"name", tailer.name},
      {"sink", tailer.sink},
      {"files",
       {{"open", tailer.files_open},
        {"idle", tailer.files_idle},
        {"finished", tailer.files_finished},
        {"parked", tailer.files_parked}}},
      {"lag",
       {{"read", lag_json(tailer.lag[0])}, {"acked", lag_json(tailer.lag[1])}, {"durable", lag_json(tailer.lag[2])}}},
      {"files_lagging", std::move(files)}};
}

Json sink_json(const SinkSnapshot& sink) {
  Json stuck = Json::array();
  for (const StuckLane& lane : sink.status.stuck) {
    stuck.push_back({{"topic", lane.topic}, {"partition", lane.partition}, {"reason", lane.reason}});
  }
  return {{"name", sink.name},
          {"type", sink.type},
          {"up", sink.status.is_up},
          {"reason", sink.status.reason},
          {"buffer_bytes", sink.buffer_bytes},
          {"buffer_limit_bytes", sink.buffer_limit_bytes},
          {"inflight_records", sink.status.inflight_records},
          {"stuck", std::move(stuck)}};
}

}  // namespace

std::string status_json(const Snapshot& snapshot, const std::string& version, std::size_t lagging_files_max) {
  Json tailers = Json::array();
  for (const TailerSnapshot& tailer : snapshot.tailers) tailers.push_back(tailer_json(tailer, lagging_files_max));
  Json sinks = Json::array();
  for (const SinkSnapshot& sink : snapshot.sinks) sinks.push_back(sink_json(sink));
  const Json status = {{"agent",
                        {{"name", snapshot.agent_name},
                         {"version", version},
                         {"engine", snapshot.engine},
                         {"pid", getpid()},
                         {"uptime_seconds", finite(snapshot.uptime_seconds)}}},
                       {"tailers", std::move(tailers)},
                       {"sinks", std::move(sinks)},
                       {"checkpoint",
                        {{"fsync", snapshot.checkpoint.fsync},
                         {"unsynced_seconds", finite(snapshot.checkpoint.unsynced_seconds)},
                         {"errors", snapshot.checkpoint.errors}}}};
  return status.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tailrace
