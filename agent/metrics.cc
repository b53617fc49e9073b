#include "agent/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <initializer_list>
#include <limits>
#include <numeric>
#include <sstream>
#include <utility>

namespace tailrace {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::array<const char*, kStages> kStageNames = {"read", "acked", "durable"};
constexpr std::array<const char*, kLostReasons> kLostNames = {"truncated", "deleted", "deleted_limit",
                                                              "moved",     "skipped", "rejected"};
constexpr std::array<const char*, kOpenErrorReasons> kOpenErrorNames = {"permission", "emfile", "not_regular", "io"};

// The families in the order in which they were begun; series go to the last one.
class Families {
 public:
  void counter(const char* name, const char* help) { begin(name, help, MetricType::Counter); }
  void gauge(const char* name, const char* help) { begin(name, help, MetricType::Gauge); }
  void histogram(const char* name, const char* help) { begin(name, help, MetricType::Histogram); }

  template <class Number>
  void add(Labels labels, Number value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = metric.gauge.value = static_cast<double>(value);
    families_.back().metric.push_back(std::move(metric));
  }

  void add(Labels labels, const Histogram& observed) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < observed.bounds.size() && i < observed.counts.size(); ++i) {
      cumulative += observed.counts[i];
      metric.histogram.bucket.push_back({cumulative, observed.bounds[i]});
    }
    const auto all = std::accumulate(observed.counts.begin(), observed.counts.end(), std::uint64_t{0});
    metric.histogram.bucket.push_back({all, std::numeric_limits<double>::infinity()});
    metric.histogram.sample_count = all;
    metric.histogram.sample_sum = observed.sum;
    families_.back().metric.push_back(std::move(metric));
  }

  // A family without a series yet (its labels come from the brokers) is left out: it says nothing.
  std::string text() const {
    std::vector<MetricFamily> filled;
    for (const MetricFamily& family : families_) {
      if (!family.metric.empty()) filled.push_back(family);
    }
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, filled);
    return out.str();
  }

 private:
  void begin(const char* name, const char* help, MetricType type) {
    MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    families_.push_back(std::move(family));
  }

  std::vector<MetricFamily> families_;
};

// One series a tailer, from a number that `pick` finds in it.
template <class Pick>
void each_tailer(Families& families, const Snapshot& snapshot, Pick pick) {
  for (const TailerSnapshot& tailer : snapshot.tailers) families.add({{"tailer", tailer.name}}, pick(tailer));
}

template <class Pick>
void each_sink(Families& families, const Snapshot& snapshot, Pick pick) {
  for (const SinkSnapshot& sink : snapshot.sinks) families.add({{"sink", sink.name}}, pick(sink));
}

// One series a tailer and reason, from pairs {reason, count}.
template <class Pick>
void each_tailer_and(const char* label, Families& families, const Snapshot& snapshot, Pick pick) {
  for (const TailerSnapshot& tailer : snapshot.tailers) {
    for (const auto& [value, count] : pick(tailer)) families.add({{"tailer", tailer.name}, {label, value}}, count);
  }
}

using Counts = std::vector<std::pair<const char*, std::uint64_t>>;

template <std::size_t N>
Counts zip(const std::array<const char*, N>& names, const std::array<std::uint64_t, N>& counts) {
  Counts zipped;
  for (std::size_t i = 0; i < N; ++i) zipped.emplace_back(names[i], counts[i]);
  return zipped;
}

void add_lag(Families& families, const Snapshot& snapshot) {
  families.gauge("tailrace_lag_bytes", "Bytes in the tailer's files that have not reached the stage.");
  for (const TailerSnapshot& tailer : snapshot.tailers) {
    for (std::size_t stage = 0; stage < kStages; ++stage) {
      families.add({{"tailer", tailer.name}, {"stage", kStageNames[stage]}}, tailer.lag[stage].bytes);
    }
  }
  families.gauge("tailrace_lag_seconds", "Age of the oldest complete byte that has not reached the stage.");
  for (const TailerSnapshot& tailer : snapshot.tailers) {
    for (std::size_t stage = 0; stage < kStages; ++stage) {
      families.add({{"tailer", tailer.name}, {"stage", kStageNames[stage]}}, tailer.lag[stage].seconds);
    }
  }
  families.gauge("tailrace_file_lag_bytes_max", "Unacknowledged bytes of the file that is furthest behind.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.file_lag_max.bytes; });
  families.gauge("tailrace_file_lag_seconds_max", "Age of the oldest unacknowledged byte of the file furthest behind.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.file_lag_max.seconds; });
}

void add_progress(Families& families, const Snapshot& snapshot) {
  families.counter("tailrace_read_bytes_total", "File bytes read; a byte counts once, however often it is read again.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.counters.read_bytes; });
  families.counter("tailrace_read_lines_total", "Lines read; a line counts once.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.counters.read_lines; });
  families.counter("tailrace_acked_bytes_total", "File bytes acknowledged by the sink; a byte counts once.");
  for (const TailerSnapshot& t : snapshot.tailers) {
    families.add({{"tailer", t.name}, {"sink", t.sink}}, t.counters.acked_bytes);
  }
  families.counter("tailrace_acked_lines_total", "Lines acknowledged by the sink; a line counts once.");
  for (const TailerSnapshot& t : snapshot.tailers) {
    families.add({{"tailer", t.name}, {"sink", t.sink}}, t.counters.acked_lines);
  }
  families.counter("tailrace_rewound_bytes_total", "Bytes published and read again after a rewind; may be doubled.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.counters.rewound_bytes; });
}

void add_losses(Families& families, const Snapshot& snapshot) {
  families.counter("tailrace_lost_bytes_total", "Bytes that were given up, by reason; nothing is skipped uncounted.");
  each_tailer_and("reason", families, snapshot,
                  [](const TailerSnapshot& t) { return zip(kLostNames, t.counters.lost_bytes); });
  families.counter("tailrace_lost_files_total", "Times that bytes of a file were given up, by reason.");
  each_tailer_and("reason", families, snapshot,
                  [](const TailerSnapshot& t) { return zip(kLostNames, t.counters.lost_files); });
  families.counter("tailrace_long_lines_total", "Lines longer than max_line, by what was done with them.");
  each_tailer_and("reason", families, snapshot, [](const TailerSnapshot& t) {
    return Counts{{"split", t.counters.long_lines_split},
                  {"truncated", t.counters.long_lines_truncated},
                  {"skipped", t.counters.long_lines_skipped},
                  {"cut", t.counters.long_lines_cut}};
  });
  families.counter("tailrace_filtered_lines_total", "Lines that keep or drop held back.");
  each_tailer_and("reason", families, snapshot, [](const TailerSnapshot& t) {
    return Counts{{"keep", t.counters.filtered_keep}, {"drop", t.counters.filtered_drop}};
  });
  families.counter("tailrace_hole_bytes_total", "Zero bytes in runs of 4 KiB or more that were skipped.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.counters.hole_bytes; });
  families.counter("tailrace_invalid_utf8_total", "Invalid UTF-8 sequences replaced by U+FFFD.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.counters.invalid_utf8; });
  families.counter("tailrace_format_errors_total", "Lines that were not in the tailer's format.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.counters.format_errors; });
}

void add_files(Families& families, const Snapshot& snapshot) {
  families.gauge("tailrace_files", "Files known to the tailer, by state.");
  each_tailer_and("state", families, snapshot, [](const TailerSnapshot& t) {
    return Counts{
        {"open", t.files_open}, {"idle", t.files_idle}, {"finished", t.files_finished}, {"parked", t.files_parked}};
  });
  families.gauge("tailrace_deleted_bytes", "Bytes that deleted, unshipped files hold on disk.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.deleted_bytes; });
  families.counter("tailrace_rotations_total", "Rotations seen, by kind.");
  each_tailer_and("kind", families, snapshot, [](const TailerSnapshot& t) {
    return Counts{{"renamed", t.counters.rotations_renamed},
                  {"truncated", t.counters.rotations_truncated},
                  {"deleted", t.counters.rotations_deleted}};
  });
  families.counter("tailrace_open_errors_total", "Matching files that could not be opened, by reason.");
  each_tailer_and("reason", families, snapshot,
                  [](const TailerSnapshot& t) { return zip(kOpenErrorNames, t.counters.open_errors); });
  families.counter("tailrace_watch_overflows_total", "Times that inotify lost events; each one scans again.");
  families.add({}, snapshot.watch_overflows);
  families.gauge("tailrace_polled_directories", "Directories that are polled instead of watched.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.polled_directories; });
  families.gauge("tailrace_scan_seconds", "How long the last scan for files took.");
  each_tailer(families, snapshot, [](const TailerSnapshot& t) { return t.scan_seconds; });
}

void add_sinks(Families& families, const Snapshot& snapshot) {
  families.gauge("tailrace_last_ack_timestamp_seconds", "When the sink last acknowledged something; 0 before that.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.last_ack_unix_seconds; });
  families.counter("tailrace_rejected_records_total", "Records that the sink refused for good, by reason.");
  for (const SinkSnapshot& s : snapshot.sinks) {
    families.add({{"sink", s.name}, {"reason", "too_large"}}, s.counters.rejected_too_large);
    families.add({{"sink", s.name}, {"reason", "invalid"}}, s.counters.rejected_invalid);
    families.add({{"sink", s.name}, {"reason", "timestamp"}}, s.counters.rejected_timestamp);
  }
  families.gauge("tailrace_buffer_bytes", "Memory in use between file and acknowledgement.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.buffer_bytes; });
  families.gauge("tailrace_buffer_limit_bytes", "The sink's memory setting.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.buffer_limit_bytes; });
  families.gauge("tailrace_inflight_records", "Records handed to the sink and not yet acknowledged.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.status.inflight_records; });
  families.counter("tailrace_backpressure_seconds_total", "Time in which reading waited for memory.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.backpressure_seconds; });
  families.histogram("tailrace_delivery_seconds", "From read to acknowledged.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.delivery_seconds; });
  families.gauge("tailrace_sink_up",
                 "0 after 5 s with something outstanding and no answer, or with no broker that can be reached.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.status.is_up ? 1 : 0; });
  families.counter(
      "tailrace_rebuilt_producers_total",
      "Producers replaced after a fatal error, for a new secret or a topic that is gone; each one rewinds.");
  each_sink(families, snapshot, [](const SinkSnapshot& s) { return s.counters.rebuilt_producers; });
}

void add_kafka(Families& families, const Snapshot& snapshot) {
  families.gauge("tailrace_kafka_broker_rtt_seconds", "Average round trip to the broker, from librdkafka.");
  for (const SinkSnapshot& s : snapshot.sinks) {
    for (const auto& [broker, rtt] : s.counters.broker_rtt_seconds) {
      families.add({{"sink", s.name}, {"broker", broker}}, rtt);
    }
  }
  families.counter("tailrace_kafka_retries_total", "Requests that librdkafka sent again, by broker.");
  for (const SinkSnapshot& s : snapshot.sinks) {
    for (const auto& [broker, retries] : s.counters.broker_retries) {
      families.add({{"sink", s.name}, {"broker", broker}}, retries);
    }
  }
  families.counter("tailrace_kafka_errors_total", "Errors that librdkafka reported, by reason.");
  for (const SinkSnapshot& s : snapshot.sinks) {
    for (const auto& [reason, errors] : s.counters.errors) {
      families.add({{"sink", s.name}, {"reason", reason}}, errors);
    }
  }
}

void add_checkpoint(Families& families, const CheckpointSnapshot& checkpoint) {
  families.histogram("tailrace_checkpoint_fsync_seconds", "How long the fsyncs of the checkpoint journal took.");
  families.add({}, checkpoint.fsync_seconds);
  families.counter("tailrace_checkpoint_writes_total", "Writes to the checkpoint journal.");
  families.add({}, checkpoint.writes);
  families.counter("tailrace_checkpoint_errors_total", "Writes, fsyncs and renames of the journal that failed.");
  families.add({}, checkpoint.errors);
  families.gauge("tailrace_checkpoint_unsynced_seconds", "Age of the oldest progress that is not durable.");
  families.add({}, checkpoint.unsynced_seconds);
}

void add_agent(Families& families, const Snapshot& snapshot, const BuildInfo& build) {
  families.gauge("tailrace_config_last_reload_successful", "1 when the config in use is the one that was last loaded.");
  families.add({}, snapshot.last_reload_successful ? 1 : 0);
  families.gauge("tailrace_config_last_reload_timestamp_seconds", "When the config in use was loaded.");
  families.add({}, snapshot.last_reload_unix_seconds);
  families.gauge("tailrace_build_info", "1; the labels say what runs.");
  families.add({{"version", build.version}, {"engine", snapshot.engine}, {"librdkafka", build.librdkafka}}, 1);
}

void add_process(Families& families, const ProcessUsage& process) {
  families.counter("process_cpu_seconds_total", "User and system CPU time of the process.");
  families.add({}, process.cpu_seconds);
  families.gauge("process_resident_memory_bytes", "Resident memory of the process.");
  families.add({}, process.resident_bytes);
  families.gauge("process_virtual_memory_bytes", "Address space of the process.");
  families.add({}, process.virtual_bytes);
  families.gauge("process_start_time_seconds", "When the process started, since the epoch.");
  families.add({}, process.start_unix_seconds);
  families.gauge("process_open_fds", "Open file descriptors.");
  families.add({}, process.open_fds);
  families.gauge("process_max_fds", "The most file descriptors that may be open.");
  families.add({}, process.open_fds_max);
  families.gauge("process_threads", "Threads of the process.");
  families.add({}, process.threads);
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& process, const BuildInfo& build) {
  Families families;
  add_lag(families, snapshot);
  add_progress(families, snapshot);
  add_losses(families, snapshot);
  add_files(families, snapshot);
  add_sinks(families, snapshot);
  add_kafka(families, snapshot);
  add_checkpoint(families, snapshot.checkpoint);
  add_agent(families, snapshot, build);
  add_process(families, process);
  return families.text();
}

}  // namespace tailrace
