// KafkaSink: batches to Kafka, a record a line, without copying them.
//
//   publish ─▶ held (gathers) ─▶ out (with the client) ─▶ delivered ─────────▶ settled
//                 ▲                 │  │                 refused for good ─▶ spool ─▶ settled (rejected)
//                 └── came back ────┘  └── fatal, partition gone: dropped, read again (rewound); pinned: held again
//
// A lane is a partition. It hands over one request's worth, and the next when all of that is reported. That keeps
// its order: what comes back is held again, before all that was behind it. A quiet lane's lines go out with the
// turn; on one that sent less than `linger` ago they wait for company. What is in flight is bounded three times: by
// the lane itself (a request that is out, one that is read meanwhile), by what all lanes together may have out (less
// than a quarter of `memory`, shared so that a stuck lane always leaves room for the others), and by the memory
// budget. Loop thread only; nothing here waits.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/event_fd.h"
#include "base/file_system.h"
#include "base/worker_pool.h"
#include "config/config.h"
#include "config/template.h"
#include "sinks/broker_reach.h"
#include "sinks/kafka_client.h"
#include "sinks/kafka_lane.h"
#include "sinks/rejected_spool.h"
#include "sinks/secret_files.h"
#include "sinks/silence_watch.h"
#include "sinks/sink.h"
#include "sinks/spin_watch.h"
#include "sinks/topic_book.h"

namespace tailrace {

struct KafkaSinkSeams {
  FileSystem& files;
  WorkerPool& workers;
  KafkaClientFactory make_client;
  SecretFiles::TrySettings try_settings = {};
  std::shared_ptr<StateHome> state = nullptr;  // none: by the config's path
};

class KafkaSink final : public Sink {
 public:
  // Makes the client; does not wait for a broker. bad_input: a property or a template is wrong.
  // `line_bytes_max`: of the tailers that ship here; whether a line so long is too large is the topic's to say.
  static Result<std::unique_ptr<KafkaSink>> create(const SinkConfig& config, const AgentConfig& agent,
                                                   std::uint64_t line_bytes_max, KafkaSinkSeams seams);
  // Waits up to 3 s for librdkafka to let go of the records' memory; past that it is left to the process's end.
  ~KafkaSink() override;

  Lane* route(const RouteRequest& request) override;
  std::uint64_t room(const Lane& lane) const override;
  void set_reading(Lane& lane, std::uint64_t bytes) override;
  std::uint32_t read_bytes_best() const override;
  bool is_gone(const Lane& lane) const override;
  void publish(Lane& lane, Batch batch, Instant now) override;
  void flush(Instant now) override;
  void hurry() override { config_.linger = Milliseconds(0); }
  void poll(Instant now, SinkEvents& events) override;
  int fd() const override { return wake_->fd(); }
  Instant next_deadline() const override;
  void pin(SourceId source) override;
  bool is_empty() const override { return open_.empty(); }
  SinkStatus status(Instant now) const override;
  const SinkCounters& counters() const override { return counters_; }
  ChunkPool& pool() override { return *pool_; }

 private:
  // A client that was replaced, and what it may still point into.
  struct Retired {
    std::unique_ptr<KafkaClient> client = nullptr;
    std::vector<Slice> slices = {};
    std::uint64_t books = 0;
  };
  struct SourceBooks {
    std::uint32_t open = 0;  // batches
    bool is_pinned = false;
  };

  KafkaSink(const SinkConfig& config, std::string agent_name, std::uint64_t line_bytes_max, KafkaSinkSeams seams,
            Template topic);

  // kafka_sink.cc: routing, room, publishing, status
  std::string topic_of(const RouteRequest& request) const;
  static bool has_partition(const KafkaLane& lane);
  bool is_mute() const;                        // silent, and nobody else answers: nothing goes out on any lane
  bool is_ready(const KafkaLane& lane) const;  // what is published goes out in its turn
  static std::uint64_t request_bytes(const KafkaLane& lane);  // the most that its topic takes at once, encoded
  double charge_ratio() const;                                // charge of a file byte
  std::uint64_t charge_limit(const KafkaLane& lane) const;
  std::uint64_t past_share(const KafkaLane& lane) const {
    return lane.charge + lane.reading - std::min(lane.charge + lane.reading, lane_share_);
  }
  void set_charge(KafkaLane& lane, std::uint64_t charge);
  void share_anew();  // there is one more lane
  bool is_due(const KafkaLane& lane, Instant now) const;
  void send_held(KafkaLane& lane, Instant now);
  void send_request(KafkaLane& lane, Instant now);
  void hold(BatchId id, OpenBatch& open);
  std::string why_stuck(const KafkaLane& lane, Instant now) const;
  std::string why_down(Instant since, Instant now) const;

  // kafka_sink_reports.cc: from a delivery report to a settled or rewound batch
  void on_reports(const std::vector<DeliveryReport>& reports, Instant now);
  void on_failed_record(OpenBatch& open, const DeliveryReport& report, Instant now);
  void on_batch_told(BatchId id, OpenBatch& open, Instant now);
  void settle(BatchId id, OpenBatch& open, Instant now);
  void settle_refused(BatchId id, OpenBatch& open, Instant now);
  void count_refused(const OpenBatch& open);
  void forget(BatchId id, Instant now);  // its books are given back, its slice is released
  void wait(KafkaLane& lane, std::string reason, Instant now);
  void spool_next(Instant now);
  void on_spooled(BatchId id, const Status& status, Instant now);

  // kafka_sink_reach.cc: whether brokers can be reached, and with which secrets
  void watch_brokers(Instant now, SinkEvents& events);
  void use_secrets(Result<NewSecrets> read, Instant now, SinkEvents& events);
  std::string why_away(Instant now) const;

  // kafka_sink_recovery.cc: silence, parking, stuck lanes, partitions that are gone, new producers
  KafkaLane& lane_of(Topic& topic, std::int32_t partition);
  Status make_client();
  void keep_client(Instant now);
  void on_troubles(KafkaEvents& found, Instant now);
  // `about`: whose trouble it is; each one's is told.
  void note_trouble(const std::string& name, const std::string& text, Instant now, const std::string& about = "");
  void watch_silence(Instant now);
  void watch_spins(Instant now);
  void on_signs(Instant now);
  void act(std::int32_t broker, SpinWatch::Verdict verdict);
  void watch_lanes(Instant now, SinkEvents& events);
  void watch_lane(KafkaLane& lane, Instant now, SinkEvents& events);
  void give_up(const KafkaLane& lane);
  void leave(KafkaLane& lane, Instant now, SinkEvents& events);
  void move_held(KafkaLane& from, const std::vector<BatchId>& batches, Instant now);
  void replace_client(const std::string& why, Instant now, SinkEvents& events);
  Retired retire_batches(Instant now);
  void reap_retired();
  void close_quiet_arenas(Instant now);
  void gather_statistics();

  SinkConfig config_;
  std::string agent_name_;
  std::uint64_t line_bytes_max_;
  KafkaSinkSeams seams_;
  Template topic_template_;
  std::string constant_topic_;  // when the template has no variables

  std::shared_ptr<EventFd> wake_ = std::make_shared<EventFd>();
  std::unique_ptr<ChunkPool> pool_;
  std::unique_ptr<KafkaClient> client_;  // null: making it failed, tried again at make_client_at_
  Instant make_client_at_ = kNever;
  std::vector<Retired> retired_;

  TopicBook topics_;
  std::map<std::pair<std::string, std::int32_t>, std::unique_ptr<KafkaLane>> lanes_;
  std::unordered_map<BatchId, OpenBatch> open_;
  std::unordered_map<SourceId, SourceBooks> sources_;
  std::uint64_t out_records_ = 0;
  std::uint64_t lane_share_ = 0;     // what every lane may have out, whatever the others have
  std::uint64_t shared_charge_ = 0;  // what lanes have past their share, or will when it is read
  std::vector<KafkaLane*> gathering_;
  Instant flush_at_ = kNever;  // the first of them has waited long enough
  double line_bytes_ = 200;    // a line of the file, its end included; moving average

  BrokerReach reach_;
  bool was_away_ = false;
  SecretFiles secrets_;
  SilenceWatch silence_;
  struct Broker {
    SpinWatch spin;
    std::uint64_t out_records = 0;
  };
  std::map<std::int32_t, Broker> brokers_;  // that lead a lane; -1: not known which
  bool is_probing_ = false;                 // while silent: a question is out
  bool is_heard_ = false;                   // while silent: somebody answered one
  Instant silence_said_at_ = kNever;        // kNever: it was not said, or its end was said
  Instant down_since_ = kNever;             // no answer to anything since then, over replaced clients
  Instant watch_lanes_at_ = kNever;
  Instant close_arenas_at_ = kNever;

  std::optional<std::string> replace_why_;

  std::unique_ptr<RejectedSpool> spool_;
  std::deque<BatchId> to_spool_;
  Instant spool_at_ = kNever;  // tried again then
  std::optional<std::string> stop_;

  std::vector<Settled> settled_;
  bool room_changed_ = false;
  Instant now_{};                                // of the last call that brought one
  std::map<std::string, Instant> trouble_said_;  // when, by name and whose it was
  std::string last_trouble_;
  Instant last_trouble_at_{};
  std::map<std::string, std::uint64_t> retries_before_;  // of retired clients, by broker
  SinkCounters counters_;
};

}  // namespace tailrace
