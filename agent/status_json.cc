#include "agent/status_json.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "base/secrets.h"

namespace tailrace {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kFilesAPiece = 256;

// JSON has no infinity: the library would write null.
double finite(double value) { return std::isfinite(value) ? value : 0; }

Json lag_json(const Lag& lag) { return {{"bytes", lag.bytes}, {"seconds", finite(lag.seconds)}}; }

Json file_json(const LaggingFile& file) {
  return {{"path", file.path},   {"inode", file.inode},     {"size", file.size},   {"read", file.read},
          {"acked", file.acked}, {"durable", file.durable}, {"state", file.state}, {"reason", file.reason}};
}

Json sink_json(const SinkSnapshot& sink) {
  Json stuck = Json::array();
  for (const StuckLane& lane : sink.status.stuck) {
    stuck.push_back({{"topic", without_secrets(lane.topic)},
                     {"partition", lane.partition},
                     {"reason", without_secrets(lane.reason)}});
  }
  return {{"name", sink.name},
          {"type", sink.type},
          {"up", sink.status.is_up},
          {"reason", without_secrets(sink.status.reason)},
          {"buffer_bytes", sink.buffer_bytes},
          {"buffer_limit_bytes", sink.buffer_limit_bytes},
          {"inflight_records", sink.status.inflight_records},
          {"stuck", std::move(stuck)}};
}

std::string text_of(const Json& json) {
  return printable_document(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string begin_text(const Snapshot& snapshot, const std::string& version) {
  const Json agent = {{"name", snapshot.agent_name},
                      {"version", version},
                      {"engine", snapshot.engine},
                      {"pid", getpid()},
                      {"uptime_seconds", finite(snapshot.uptime_seconds)}};
  return "{\"agent\":" + text_of(agent) + ",\"tailers\":[";
}

// Up to its files, which follow.
std::string tailer_begin_text(const TailerSnapshot& tailer) {
  const Json json = {
      {"name", tailer.name},
      {"sink", tailer.sink},
      {"files",
       {{"open", tailer.files_open},
        {"idle", tailer.files_idle},
        {"finished", tailer.files_finished},
        {"parked", tailer.files_parked}}},
      {"lag",
       {{"read", lag_json(tailer.lag[0])}, {"acked", lag_json(tailer.lag[1])}, {"durable", lag_json(tailer.lag[2])}}}};
  std::string text = text_of(json);
  text.back() = ',';  // its brace stays open
  return text + "\"files_lagging\":[";
}

constexpr const char* kTailerEnd = "]}";

std::string end_text(const Snapshot& snapshot) {
  Json sinks = Json::array();
  for (const SinkSnapshot& sink : snapshot.sinks) sinks.push_back(sink_json(sink));
  const Json checkpoint = {{"fsync", snapshot.checkpoint.fsync},
                           {"unsynced_seconds", finite(snapshot.checkpoint.unsynced_seconds)},
                           {"errors", snapshot.checkpoint.errors}};
  return "],\"sinks\":" + text_of(sinks) + ",\"checkpoint\":" + text_of(checkpoint) + "}\n";
}

}  // namespace

std::string status_json(const Snapshot& snapshot, const std::string& version, std::size_t lagging_files_max) {
  std::string text = begin_text(snapshot, version);
  for (const TailerSnapshot& tailer : snapshot.tailers) {
    if (&tailer != &snapshot.tailers.front()) text += ',';
    text += tailer_begin_text(tailer);
    const std::size_t count = std::min(tailer.files_lagging.size(), lagging_files_max);
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + text_of(file_json(tailer.files_lagging[i]));
    text += kTailerEnd;
  }
  return text + end_text(snapshot);
}

StatusPieces::StatusPieces(std::shared_ptr<const Snapshot> snapshot, std::string version)
    : snapshot_(std::move(snapshot)), version_(std::move(version)) {}

std::vector<SourceId> StatusPieces::wanted() const {
  if (!is_begun_ || is_ended_) return {};
  const std::vector<SourceId>& all = snapshot_->tailers[tailer_].sources_lagging;
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(source_);
  return {begin, begin + static_cast<std::ptrdiff_t>(std::min(kFilesAPiece, all.size() - source_))};
}

std::optional<std::string> StatusPieces::next(const std::vector<LaggingFile>& files) {
  if (is_ended_) return std::nullopt;
  const std::vector<TailerSnapshot>& tailers = snapshot_->tailers;
  std::string text;
  if (!is_begun_) {
    is_begun_ = true;
    text = begin_text(*snapshot_, version_);
    if (!tailers.empty()) text += tailer_begin_text(tailers[0]);
  } else {
    source_ += wanted().size();
    for (const LaggingFile& file : files) {
      text += (is_first_file_ ? "" : ",") + text_of(file_json(file));
      is_first_file_ = false;
    }
  }
  while (tailer_ < tailers.size() && source_ == tailers[tailer_].sources_lagging.size()) {
    text += kTailerEnd;
    source_ = 0;
    is_first_file_ = true;
    if (++tailer_ < tailers.size()) text += "," + tailer_begin_text(tailers[tailer_]);
  }
  is_ended_ = tailer_ == tailers.size();
  return is_ended_ ? text + end_text(*snapshot_) : text;
}

}  // namespace tailrace
