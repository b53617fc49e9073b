#include "sinks/rdkafka_feeder.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/signals_blocked.h"

namespace tailrace {
namespace {

// Only named and freed: librdkafka keeps what it needs of it.
RdKafkaPtr<rd_kafka_topic_partition_list_t> list_of(const std::vector<PartitionName>& partitions) {
  RdKafkaPtr<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const PartitionName& each : partitions)
    rd_kafka_topic_partition_list_add(list.get(), each.topic.c_str(), each.partition);
  return list;
}

}  // namespace

DeliveryReport report_of(const rd_kafka_message_t& message, int error) {
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  return {.token = reinterpret_cast<std::uintptr_t>(message._private),
          .count = 1,
          .fault = fault_of(error),
          .value = static_cast<const std::byte*>(message.payload),
          .name = rd_kafka_err2name(code),
          .reason = rd_kafka_err2str(code)};
}

RdKafkaFeeder::RdKafkaFeeder(rd_kafka_t* handle, std::shared_ptr<EventFd> wake)
    : handle_(handle), wake_(std::move(wake)) {}

Result<std::unique_ptr<RdKafkaFeeder>> RdKafkaFeeder::start(rd_kafka_t* handle, std::shared_ptr<EventFd> wake) {
  std::unique_ptr<RdKafkaFeeder> feeder(new RdKafkaFeeder(handle, std::move(wake)));
  try {
    const SignalsBlocked blocked;
    feeder->thread_ = std::thread([raw = feeder.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return Error(ErrorKind::io, std::string("start a thread: ") + error.what());
  }
  return feeder;
}

RdKafkaFeeder::~RdKafkaFeeder() {
  stop();
  join();
}

void RdKafkaFeeder::hand_over(std::string topic, std::int32_t partition, std::vector<KafkaRecord> records) {
  post({.partitions = {{std::move(topic), partition}}, .records = std::move(records)});
}

void RdKafkaFeeder::pause(std::vector<PartitionName> partitions, bool is_paused) {
  post({.partitions = std::move(partitions), .records = {}, .is_pause = is_paused});
}

void RdKafkaFeeder::purge_queue() { post({.partitions = {}, .records = {}, .is_purge = true}); }

void RdKafkaFeeder::post(Job job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.notify_one();
}

void RdKafkaFeeder::take_refused(std::vector<DeliveryReport>& reports) {
  const std::lock_guard lock(mutex_);
  reports.insert(reports.end(), refused_.begin(), refused_.end());
  refused_.clear();
}

void RdKafkaFeeder::stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  changed_.notify_one();
}

void RdKafkaFeeder::join() {
  if (thread_.joinable()) thread_.join();
}

void RdKafkaFeeder::run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (jobs_.empty()) {
      changed_.wait(lock);
      continue;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    do_job(job);
    lock.lock();
  }
  lock.unlock();
  if (!paused_.empty()) set_paused(paused_, false);
  topics_.clear();  // nobody hands anything over any more
}

void RdKafkaFeeder::do_job(Job& job) {
  if (job.is_purge) {
    rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    return;
  }
  if (!job.records.empty()) {
    // A single record is one request as it is.
    const bool is_one_record = job.records.size() == 1;
    if (!is_one_record) set_paused(job.partitions, true);
    enqueue(job.partitions.front(), job.records);
    if (!is_one_record) set_paused(job.partitions, false);
    return;
  }
  set_paused(job.partitions, job.is_pause);
  if (job.is_pause) {
    paused_.insert(paused_.end(), job.partitions.begin(), job.partitions.end());
  } else {
    const auto is_resumed = [&job](const PartitionName& each) {
      return std::any_of(job.partitions.begin(), job.partitions.end(), [&each](const PartitionName& other) {
        return each.partition == other.partition && each.topic == other.topic;
      });
    };
    std::erase_if(paused_, is_resumed);
  }
}

void RdKafkaFeeder::enqueue(const PartitionName& to, const std::vector<KafkaRecord>& records) {
  messages_.assign(records.size(), rd_kafka_message_t{});
  for (std::size_t i = 0; i < records.size(); ++i) {
    rd_kafka_message_t& message = messages_[i];
    // librdkafka only reads it: neither F_COPY nor F_FREE.
    message.payload = const_cast<std::byte*>(records[i].value);
    message.len = records[i].bytes;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): librdkafka carries a number for us, nobody follows it
    message._private = reinterpret_cast<void*>(static_cast<std::uintptr_t>(records[i].token));
  }
  rd_kafka_topic_t* named = topic_of(to.topic);
  const int count = static_cast<int>(messages_.size());
  const int taken = named == nullptr ? 0 : rd_kafka_produce_batch(named, to.partition, 0, messages_.data(), count);
  if (taken == count) return;
  const std::lock_guard lock(mutex_);
  for (const rd_kafka_message_t& message : messages_) {
    const rd_kafka_resp_err_t error = named == nullptr ? RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC : message.err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    DeliveryReport report = report_of(message, error);
    // Nobody but the client has seen it: it is this record's own size.
    if (report.fault == KafkaFault::request_too_large) report.fault = KafkaFault::too_large;
    refused_.push_back(report);
  }
  wake_->signal();
}

void RdKafkaFeeder::set_paused(const std::vector<PartitionName>& partitions, bool is_paused) {
  const RdKafkaPtr<rd_kafka_topic_partition_list_t> list = list_of(partitions);
  if (is_paused) {
    rd_kafka_pause_partitions(handle_, list.get());
  } else {
    rd_kafka_resume_partitions(handle_, list.get());
    rd_kafka_flush(handle_, 0);  // does not wait; its threads look at their partitions now, and not within a second
  }
}

rd_kafka_topic_t* RdKafkaFeeder::topic_of(const std::string& topic) {
  auto found = topics_.find(topic);
  if (found == topics_.end()) {
    RdKafkaPtr<rd_kafka_topic_t> made(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
    if (!made) return nullptr;
    found = topics_.emplace(topic, std::move(made)).first;
  }
  return found->second.get();
}

}  // namespace tailrace
