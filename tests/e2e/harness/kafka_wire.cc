#include "tests/e2e/harness/kafka_wire.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace tailrace::e2e {
namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "the fault broker: a request without %s\n", what);
  std::abort();
}

// Castagnoli's, reflected.
std::uint32_t crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < made.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? (value >> 1) ^ 0x82f63b78u : value >> 1;
      made[i] = value;
    }
    return made;
  }();
  std::uint32_t sum = ~0u;
  for (const char c : bytes) sum = table[(sum ^ static_cast<unsigned char>(c)) & 0xff] ^ (sum >> 8);
  return ~sum;
}

}  // namespace

std::uint64_t WireReader::number(std::size_t length) {
  std::uint64_t value = 0;
  for (const char c : take(length)) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  give_up("an end of a varint");
}

std::int64_t WireReader::zigzag() {
  const std::uint64_t value = varint();
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

std::string_view WireReader::take(std::size_t length) {
  if (length > bytes_.size() - at_) give_up("all its bytes");
  const std::string_view taken = bytes_.substr(at_, length);
  at_ += length;
  return taken;
}

std::string_view WireReader::string() {
  const std::int16_t length = int16();
  return length < 0 ? std::string_view() : take(static_cast<std::size_t>(length));
}

std::string_view WireReader::compact_string() {
  const std::uint64_t length = varint();
  return length == 0 ? std::string_view() : take(length - 1);
}

std::string_view WireReader::blob() {
  const std::int32_t length = int32();
  return length < 0 ? std::string_view() : take(static_cast<std::size_t>(length));
}

void WireReader::skip_tags() {
  for (std::uint64_t count = varint(); count > 0; --count) {
    varint();
    take(varint());
  }
}

WireWriter& WireWriter::number(std::uint64_t value, std::size_t length) {
  for (std::size_t i = length; i > 0; --i) bytes_ += static_cast<char>(value >> (8 * (i - 1)));
  return *this;
}

WireWriter& WireWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
  return *this;
}

WireWriter& WireWriter::string(std::string_view text) {
  int16(static_cast<std::int16_t>(text.size()));
  bytes_ += text;
  return *this;
}

WireWriter& WireWriter::compact_string(std::string_view text) {
  varint(text.size() + 1);
  bytes_ += text;
  return *this;
}

RecordBatch read_record_batch(std::string_view bytes) {
  constexpr std::size_t kBeforeAttributes = 21;
  RecordBatch batch;
  WireReader in(bytes);
  in.int64();  // base offset: the log's to say
  if (const std::int32_t length = in.int32(); length < 0 || 12 + static_cast<std::size_t>(length) != bytes.size())
    give_up("one record batch a partition");
  in.int32();  // leader epoch
  if (in.int8() != 2) give_up("records of magic 2");
  batch.is_intact = static_cast<std::uint32_t>(in.int32()) == crc32c(bytes.substr(kBeforeAttributes));
  if (!batch.is_intact) return batch;
  batch.bytes = bytes.size();
  if ((in.int16() & 7) != 0) give_up("compression = \"none\"");
  in.int32();  // last offset delta
  in.int64();  // first and last time
  in.int64();
  batch.producer_id = in.int64();
  batch.producer_epoch = in.int16();
  batch.first_sequence = in.int32();
  for (std::int32_t count = in.int32(); count > 0; --count) {
    WireReader record(in.take(static_cast<std::size_t>(in.zigzag())));
    record.int8();    // attributes
    record.zigzag();  // time and offset, from the batch's
    record.zigzag();
    if (const std::int64_t key = record.zigzag(); key > 0) record.take(static_cast<std::size_t>(key));
    const std::int64_t value = record.zigzag();
    batch.values.push_back(value < 0 ? std::string_view() : record.take(static_cast<std::size_t>(value)));
  }
  return batch;
}

}  // namespace tailrace::e2e
