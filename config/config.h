// Config: what the user set, as plain structs with their defaults (contract, section 2). Everything that acts on a
// setting takes it from here; nothing else parses strings.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/symlinks.h"

namespace tailrace {

using Milliseconds = std::chrono::milliseconds;
using Bytes = std::uint64_t;

enum class EngineChoice : std::uint8_t { automatic, io_uring, threads, sync };
enum class ShutdownMode : std::uint8_t { drain, flush };
enum class FsyncMode : std::uint8_t { sync, async, off };
enum class StartAt : std::uint8_t { beginning, end };
enum class LongLine : std::uint8_t { split, truncate, skip };
enum class WatchMode : std::uint8_t { automatic, inotify, poll };
enum class SinkType : std::uint8_t { kafka, file, stdout_lines, null };
enum class Partitioning : std::uint8_t { file, key, spread };
enum class RecordShape : std::uint8_t { line, packed };
enum class RecordEncoding : std::uint8_t { raw, json };
enum class TimestampSource : std::uint8_t { read, line };
enum class Acks : std::uint8_t { all, leader, none };
enum class Delivery : std::uint8_t { at_least_once, exactly_once };
enum class OnReject : std::uint8_t { spool, drop, stop };
enum class CompressIn : std::uint8_t { client, agent };

struct AgentConfig {
  std::string name;  // default: the host's name
  std::string state_dir = "/var/lib/tailrace";
  EngineChoice engine = EngineChoice::automatic;
  ShutdownMode shutdown = ShutdownMode::drain;
  Milliseconds shutdown_timeout{25'000};
  std::uint64_t max_open_files = 0;  // 0: 80 % of RLIMIT_NOFILE
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  bool operator==(const AgentConfig&) const = default;
};

struct CheckpointConfig {
  FsyncMode fsync = FsyncMode::async;
  Milliseconds interval{1'000};
  Milliseconds forget_after{72 * 3'600'000};
  bool operator==(const CheckpointConfig&) const = default;
};

struct HttpConfig {
  std::string listen = "127.0.0.1:9727";  // "": no server
  std::string token_file;
  bool operator==(const HttpConfig&) const = default;
};

struct TailerConfig {
  std::string name;  // of [tailers.NAME]
  std::vector<std::string> formerly;
  std::vector<std::string> include;
  std::vector<std::string> exclude = {"*.gz", "*.zst", "*.xz", "*.bz2"};
  std::string sink;  // resolved by the loader when there is one sink
  StartAt start_at = StartAt::beginning;
  Milliseconds ignore_older{0};
  Bytes max_line = 512 * 1024;
  LongLine long_line = LongLine::split;
  std::map<std::string, std::string> labels;
  Symlinks symlinks = Symlinks::owner;
  WatchMode watch = WatchMode::automatic;
  Milliseconds poll_interval{250};
  Milliseconds close_idle{300'000};
  Bytes deleted_limit = 0;  // 0: no limit
  bool operator==(const TailerConfig&) const = default;
};

// A librdkafka property whose value came, wholly or in part, from ${file:}: as it was written, so that the file can be
// read again (config/file_secrets.h).
struct FileSecret {
  std::string property;
  std::string written;
  std::string folder;  // where relative paths in it begin
  bool operator==(const FileSecret&) const = default;
};

struct SinkConfig {
  std::string name;  // of [sinks.NAME]
  SinkType type = SinkType::kafka;
  std::vector<std::string> brokers = {"localhost:9092"};
  std::string topic = "logs";  // a template
  Partitioning partition = Partitioning::file;
  std::string key;  // a template
  RecordShape record = RecordShape::line;
  RecordEncoding encoding = RecordEncoding::raw;
  TimestampSource timestamp = TimestampSource::read;
  std::string compression = "zstd";
  int compression_level = 1;
  Delivery delivery = Delivery::at_least_once;
  Acks acks = Acks::all;
  bool idempotence = true;
  Milliseconds linger{5};
  Bytes memory = 64 * 1024 * 1024;
  OnReject on_reject = OnReject::spool;
  Bytes spool_limit = 1024ull * 1024 * 1024;
  // TLS, SASL and [sinks.x.librdkafka], as librdkafka properties in the order they were given.
  std::vector<std::pair<std::string, std::string>> librdkafka;
  std::vector<FileSecret> file_secrets;  // of librdkafka
  bool operator==(const SinkConfig&) const = default;
};

struct Config {
  AgentConfig agent;
  CheckpointConfig checkpoint;
  HttpConfig http;
  std::vector<TailerConfig> tailers;  // in the file's order
  std::vector<SinkConfig> sinks;
  bool operator==(const Config&) const = default;
};

}  // namespace tailrace
