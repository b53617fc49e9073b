#include "tests/e2e/harness/partition_log.h"

namespace tailrace::e2e {
namespace {

constexpr std::size_t kRememberedBatches = 5;

// Sequence numbers go from 0 to 2^31 - 1 and start again.
std::int32_t sequence_after(std::int32_t sequence, std::size_t records) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(sequence) + records) & 0x7fffffffu);
}

}  // namespace

PartitionLog::Appended PartitionLog::append(const RecordBatch& batch) {
  const auto offset = static_cast<std::int64_t>(values_.size());
  if (batch.producer_id >= 0 && !batch.values.empty()) {
    Producer& producer = producers_[batch.producer_id];
    if (batch.producer_epoch < producer.epoch) return {.error = KafkaError::invalid_producer_epoch};
    const std::int32_t last = sequence_after(batch.first_sequence, batch.values.size() - 1);
    if (batch.producer_epoch > producer.epoch) {
      if (producer.epoch >= 0 && batch.first_sequence != 0) return {.error = KafkaError::out_of_order_sequence_number};
      producer = {.epoch = batch.producer_epoch, .batches = {}};
    } else {
      for (const Stored& stored : producer.batches) {
        if (stored.first == batch.first_sequence && stored.last == last) return {.offset = stored.offset};
      }
      if (batch.first_sequence != sequence_after(producer.batches.back().last, 1))
        return {.error = KafkaError::out_of_order_sequence_number};
    }
    producer.batches.push_back({.first = batch.first_sequence, .last = last, .offset = offset});
    if (producer.batches.size() > kRememberedBatches) producer.batches.pop_front();
  }
  values_.insert(values_.end(), batch.values.begin(), batch.values.end());
  return {.offset = offset};
}

}  // namespace tailrace::e2e
