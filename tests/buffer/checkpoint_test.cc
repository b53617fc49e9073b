#include "buffer/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <utility>

#include "buffer/crc32c.h"

namespace tailrace {
namespace {

using Bytes = std::vector<std::byte>;

Checkpoint sample() {
  return {.id = {.high = 0x0102030405060708, .low = 0x1112131415161718},
          .tailer = "app",
          .path = "/var/log/app/a\xff b.log",
          .last_path = "/var/log/app/a.log.1",
          .key = {.device = 0x801, .inode = 77, .birth_ns = -5, .prefix_bytes = 1024, .prefix_hash = 0xdeadbeef},
          .partition = -1,
          .size_seen = 1ull << 40,
          .seen_unix_seconds = 1'700'000'000,
          .is_finished = true,
          .progress = {.acked = 123'456'789'012, .tail_bytes = 64, .tail_hash = 0xfeedfacecafebeef}};
}

TEST(Checkpoint, AnIdentityComesBackAsItWas) {
  Bytes bytes;
  encode_identity(sample(), bytes);
  const Result<CheckpointRecord> record = decode_record(bytes);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(record->kind, RecordKind::identity);
  EXPECT_EQ(record->checkpoint, sample());
}

TEST(Checkpoint, ProgressAndForgetComeBackAsTheyWere) {
  Bytes progress, forget;
  encode_progress(sample().id, sample().progress, progress);
  encode_forget(sample().id, forget);
  const Result<CheckpointRecord> first = decode_record(progress), second = decode_record(forget);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->kind, RecordKind::progress);
  EXPECT_EQ(first->checkpoint.id, sample().id);
  EXPECT_EQ(first->checkpoint.progress, sample().progress);
  EXPECT_EQ(second->kind, RecordKind::forget);
  EXPECT_EQ(second->checkpoint.id, sample().id);
}

// docs/checkpoint_format.md shows these bytes.
TEST(Checkpoint, TheBytesOfAProgressRecordAreThoseInTheFormatsPage) {
  Bytes bytes;
  encode_progress({.high = 1, .low = 2}, {.acked = 0x0304, .tail_bytes = 5, .tail_hash = 6}, bytes);
  const std::vector<int> expected = {2, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
                                     4, 3, 0, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0};
  std::vector<int> actual;
  for (const std::byte b : bytes) actual.push_back(std::to_integer<int>(b));
  EXPECT_EQ(actual, expected);
}

TEST(Checkpoint, EveryShorterAndLongerRecordIsRefused) {
  Bytes bytes;
  encode_identity(sample(), bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(decode_record(std::span(bytes).first(n))) << n << " of " << bytes.size() << " bytes";
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_record(bytes));
}

TEST(Checkpoint, NumbersOutOfTheirRangeAreRefused) {
  Bytes bytes;
  encode_progress(sample().id, sample().progress, bytes);
  Bytes unknown_kind = bytes, long_tail = bytes;
  unknown_kind[0] = std::byte{4};
  long_tail[25] = std::byte{65};
  EXPECT_FALSE(decode_record(unknown_kind));
  EXPECT_FALSE(decode_record(long_tail));

  Bytes identity;
  encode_identity(sample(), identity);
  Bytes unknown_flag = identity, long_prefix = identity;
  unknown_flag[73] = std::byte{3};
  long_prefix[42] = std::byte{5};  // 0x0500
  EXPECT_FALSE(decode_record(unknown_flag));
  EXPECT_FALSE(decode_record(long_prefix));
}

TEST(Checkpoint, RandomBytesNeverDecodeIntoSomethingThatEncodesDifferently) {
  constexpr std::uint64_t kSeed = 20'240'101;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  int decoded = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes;
    encode_identity(sample(), bytes);
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random() & 0xff);
    }
    const Result<CheckpointRecord> record = decode_record(bytes);
    if (!record || record->kind != RecordKind::identity) continue;
    ++decoded;
    Bytes again;
    encode_identity(record->checkpoint, again);
    ASSERT_EQ(again, bytes);
  }
  EXPECT_GT(decoded, 1000);
}

TEST(Crc32c, HasTheStandardsCheckValueAndGoesOnFromWhatStoodBefore) {
  const std::string text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  EXPECT_EQ(crc32c(bytes), 0xe3069283u);
  EXPECT_EQ(crc32c(bytes.subspan(4), crc32c(bytes.first(4))), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(SourceId, RandomOnesDifferAndAreThirtyTwoHexDigits) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(SourceId::random().hex());
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_THAT(*seen.begin(), testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(seen.begin()->size(), 32u);
  EXPECT_EQ((SourceId{.high = 0xab, .low = 1}).hex(), "00000000000000ab0000000000000001");
}

}  // namespace
}  // namespace tailrace
