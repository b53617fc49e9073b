// kafka_wire: the few pieces of Kafka's protocol that FaultBroker reads and writes. Big-endian; no compression.
//
// What is read comes from the librdkafka under test: a request that cannot be read aborts with what was wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tailrace::e2e {

// Of the error codes of Kafka's protocol those that the tests speak of.
enum class KafkaError : std::uint8_t {
  none = 0,
  corrupt_message = 2,
  unknown_topic_or_partition = 3,
  leader_not_available = 5,
  not_leader_or_follower = 6,
  request_timed_out = 7,
  message_too_large = 10,
  not_enough_replicas = 19,
  not_enough_replicas_after_append = 20,
  topic_authorization_failed = 29,
  unsupported_version = 35,
  out_of_order_sequence_number = 45,
  invalid_producer_epoch = 47,
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  std::int8_t int8() { return static_cast<std::int8_t>(number(1)); }
  std::int16_t int16() { return static_cast<std::int16_t>(number(2)); }
  std::int32_t int32() { return static_cast<std::int32_t>(number(4)); }
  std::int64_t int64() { return static_cast<std::int64_t>(number(8)); }
  std::uint64_t varint();                     // unsigned
  std::int64_t zigzag();                      // signed, as records have them
  std::string_view take(std::size_t length);  // into what was handed in
  std::string_view string();                  // null is empty
  std::string_view compact_string();
  std::string_view blob();  // 32-bit length; null is empty
  void skip_tags();
  bool is_at_end() const { return at_ == bytes_.size(); }

 private:
  std::uint64_t number(std::size_t length);

  std::string_view bytes_;
  std::size_t at_ = 0;
};

class WireWriter {
 public:
  WireWriter& int8(std::int8_t value) { return number(static_cast<std::uint64_t>(value), 1); }
  WireWriter& int16(std::int16_t value) { return number(static_cast<std::uint64_t>(value), 2); }
  WireWriter& int32(std::int32_t value) { return number(static_cast<std::uint64_t>(value), 4); }
  WireWriter& int64(std::int64_t value) { return number(static_cast<std::uint64_t>(value), 8); }
  WireWriter& error(KafkaError value) { return int16(static_cast<std::int16_t>(value)); }
  WireWriter& varint(std::uint64_t value);
  WireWriter& string(std::string_view text);
  WireWriter& compact_string(std::string_view text);
  WireWriter& null_string() { return int16(-1); }
  WireWriter& no_tags() { return varint(0); }
  std::string take() { return std::move(bytes_); }

 private:
  WireWriter& number(std::uint64_t value, std::size_t length);

  std::string bytes_;
};

// A record batch (magic 2), with views into what it was read from.
struct RecordBatch {
  bool is_intact = false;  // its checksum is that of its bytes; when not, nothing else is filled in
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t first_sequence = -1;
  std::size_t bytes = 0;  // as a topic's max.message.bytes counts
  std::vector<std::string_view> values;
};

// One batch, as a Produce request holds for a partition.
RecordBatch read_record_batch(std::string_view bytes);

}  // namespace tailrace::e2e
