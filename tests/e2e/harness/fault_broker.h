// FaultBroker: a small Kafka that refuses, delays and keeps silent by script, and that keeps what it stored.
//
// One or more brokers (ports) over one set of partitions, each partition led by one of them. It speaks what a producer
// needs: ApiVersions, Metadata, InitProducerId, Produce (sequence numbers judged as Kafka does, PartitionLog) and
// DescribeConfigs. Not in it: consumers (read values()), transactions, compression (give the agent "none"),
// replication. What Kafka says by itself it says too: not_leader_or_follower where another broker leads,
// message_too_large above a topic's limit, unknown_topic_or_partition. All members may be called at any time, from the
// test's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/harness/framed_server.h"
#include "tests/e2e/harness/kafka_wire.h"
#include "tests/e2e/harness/partition_log.h"

namespace tailrace::e2e {

// Produce requests for a partition that are answered with an error: the `nth` from now on that holds at least
// `records_min` records, and the `times` - 1 that follow it, whatever they hold.
struct Refusal {
  std::string topic = {};
  std::int32_t partition = 0;
  int nth = 1;
  std::size_t records_min = 1;
  int times = 1;
  KafkaError error = KafkaError::not_leader_or_follower;
  bool is_stored = false;  // all the same, as after a timeout of the replicas
};

class FaultBroker {
 public:
  explicit FaultBroker(int brokers = 1);

  std::string bootstrap() const;  // all of them

  void create_topic(const std::string& name, int partitions);
  void delete_topic(const std::string& name);  // what it held is forgotten
  // max.message.bytes. `is_told`: DescribeConfigs says so; else it is only enforced, as where describing is not
  // allowed.
  void set_limit(const std::string& topic, std::size_t bytes, bool is_told);
  void lead(const std::string& topic, std::int32_t partition, int broker);  // from 0 on

  void refuse(const Refusal& refusal);
  void freeze() { server_.freeze(true); }  // nothing is read, as with SIGSTOP
  void thaw() { server_.freeze(false); }
  void hold_answers() { server_.hold_answers(true); }  // what comes is stored, nobody is told
  void let_answers_go() { server_.hold_answers(false); }
  void answer_after(std::chrono::milliseconds time) { server_.answer_after(time); }
  void disconnect() { server_.disconnect(); }

  // Record values in the order of their offsets.
  std::vector<std::string> values(const std::string& topic, std::int32_t partition = 0) const;
  std::size_t requests(const std::string& topic) const;           // Produce requests of a topic, refused ones too
  std::size_t refused(const std::string& topic) const;            // of them, with any error
  std::size_t request_bytes_max(const std::string& topic) const;  // the largest batch of it that came

 private:
  struct Partition {
    int leader = 0;
    PartitionLog log;
  };
  struct Topic {
    std::vector<Partition> partitions;
    std::size_t limit = 1'048'588;  // Kafka's default
    bool is_limit_told = true;
  };
  // Over a topic's deletions.
  struct Counts {
    std::size_t requests = 0;
    std::size_t refused = 0;
    std::size_t request_bytes_max = 0;
  };

  std::optional<std::string> on_request(int broker, std::string_view request);
  static void api_versions(std::int16_t version, WireWriter& out);
  void metadata(WireReader& in, WireWriter& out);
  void one_topic(const std::string& name, WireWriter& out);
  void init_producer_id(std::int16_t version, WireReader& in, WireWriter& out);
  bool produce(int broker, std::int16_t version, WireReader& in, WireWriter& out);  // false: no answer is wanted
  PartitionLog::Appended take(int broker, const std::string& topic, std::int32_t partition, std::string_view records);
  Refusal* refusal_of(const std::string& topic, std::int32_t partition, std::size_t records);
  void describe_configs(std::int16_t version, WireReader& in, WireWriter& out);

  mutable std::mutex mutex_;  // guards all but the server, which is its own
  std::map<std::string, Topic> topics_;
  std::map<std::string, Counts> counts_;
  std::vector<Refusal> refusals_;
  std::int64_t producers_ = 0;
  int brokers_;
  FramedServer server_;  // last: its thread ends before what it uses
};

}  // namespace tailrace::e2e
