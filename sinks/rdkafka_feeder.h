// RdKafkaFeeder: hands records to librdkafka, and pauses partitions, which waits for librdkafka's main thread (some 0.1
// ms, more on a busy machine) and so has a thread of its own.
//
//   pause the partition ─▶ enqueue all records ─▶ resume it ─▶ wake the broker's thread
//
// librdkafka sends what it finds, while records may still be coming; of two requests the second may be stored when the
// first is refused. So each hand-over is made one request. A partition that was ever paused is "desired" to librdkafka
// 2.0.2: its records are not given up when its topic goes; purge_queue does. Used on the loop thread; the thread is
// joined by whoever ends the client (that may wait).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/event_fd.h"
#include "sinks/kafka_client.h"
#include "sinks/rdkafka_handle.h"

struct rd_kafka_message_s;  // NOLINT(readability-identifier-naming): librdkafka named it

namespace tailrace {

class RdKafkaFeeder {
 public:
  // `handle` outlives the thread. io: no thread could be started.
  static Result<std::unique_ptr<RdKafkaFeeder>> start(rd_kafka_s* handle, std::shared_ptr<EventFd> wake);
  ~RdKafkaFeeder();
  RdKafkaFeeder(const RdKafkaFeeder&) = delete;
  RdKafkaFeeder& operator=(const RdKafkaFeeder&) = delete;

  void hand_over(std::string topic, std::int32_t partition, std::vector<KafkaRecord> records);
  void pause(std::vector<PartitionName> partitions, bool is_paused);
  void purge_queue();  // after what was handed over before
  // Reports of records that librdkafka did not take; the wake was signalled.
  void take_refused(std::vector<DeliveryReport>& reports);
  // What was not handed over yet is not. Paused partitions are resumed: a client with one cannot be destroyed.
  void stop();
  void join();  // after stop

 private:
  struct Job {
    std::vector<PartitionName> partitions;
    std::vector<KafkaRecord> records;  // for the one partition; none: a pause, its end, or a purge
    bool is_pause = false;
    bool is_purge = false;
  };

  RdKafkaFeeder(rd_kafka_s* handle, std::shared_ptr<EventFd> wake);
  void post(Job job);
  void run();
  void do_job(Job& job);
  void enqueue(const PartitionName& to, const std::vector<KafkaRecord>& records);
  void set_paused(const std::vector<PartitionName>& partitions, bool is_paused);
  rd_kafka_topic_s* topic_of(const std::string& topic);

  rd_kafka_s* const handle_;
  const std::shared_ptr<EventFd> wake_;
  std::thread thread_;

  // The thread's own.
  std::unordered_map<std::string, RdKafkaPtr<rd_kafka_topic_s>> topics_;
  std::vector<rd_kafka_message_s> messages_;  // of one hand-over; kept for its memory
  std::vector<PartitionName> paused_;         // for longer than a hand-over

  std::mutex mutex_;  // guards what follows; never held over a call into librdkafka
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<DeliveryReport> refused_;
  bool is_stopping_ = false;
};

// What librdkafka says of one message; `error` is an rd_kafka_resp_err_t.
DeliveryReport report_of(const rd_kafka_message_s& message, int error);

}  // namespace tailrace
