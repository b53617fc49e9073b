#include "buffer/checkpoint.h"

#include "buffer/byte_order.h"

namespace tailrace {
namespace {

void put_id(std::vector<std::byte>& out, SourceId id) {
  put_number(out, id.high);
  put_number(out, id.low);
}

void put_progress(std::vector<std::byte>& out, const Progress& progress) {
  TR_ASSERT(progress.tail_bytes <= kTailBytesMax, "a tail of {} bytes", progress.tail_bytes);
  put_number(out, progress.acked);
  put_number(out, static_cast<std::uint8_t>(progress.tail_bytes));
  put_number(out, progress.tail_hash);
}

SourceId read_id(ByteReader& in) {
  SourceId id;
  id.high = in.number<std::uint64_t>();
  id.low = in.number<std::uint64_t>();
  return id;
}

Progress read_progress(ByteReader& in) {
  Progress progress;
  progress.acked = in.number<std::uint64_t>();
  progress.tail_bytes = in.number<std::uint8_t>();
  progress.tail_hash = in.number<std::uint64_t>();
  return progress;
}

SourceKey read_key(ByteReader& in) {
  SourceKey key;
  key.device = in.number<std::uint64_t>();
  key.inode = in.number<std::uint64_t>();
  key.birth_ns = in.number<std::int64_t>();
  key.prefix_bytes = in.number<std::uint32_t>();
  key.prefix_hash = in.number<std::uint64_t>();
  return key;
}

constexpr std::uint8_t kFlagFinished = 1;

void read_identity(ByteReader& in, Checkpoint& into, bool& is_known) {
  into.key = read_key(in);
  into.partition = in.number<std::int32_t>();
  into.size_seen = in.number<std::uint64_t>();
  into.seen_unix_seconds = in.number<std::int64_t>();
  const auto flags = in.number<std::uint8_t>();
  is_known = (flags & ~kFlagFinished) == 0;
  into.is_finished = (flags & kFlagFinished) != 0;
  into.progress = read_progress(in);
  into.tailer = in.string();
  into.path = in.string();
  into.last_path = in.string();
}

Error bad(const char* what) { return {ErrorKind::bad_input, what}; }

}  // namespace

void encode_identity(const Checkpoint& checkpoint, std::vector<std::byte>& out) {
  TR_ASSERT(checkpoint.key.prefix_bytes <= kPrefixBytesMax, "{}: a prefix of {} bytes", checkpoint.path,
            checkpoint.key.prefix_bytes);
  put_number(out, static_cast<std::uint8_t>(RecordKind::identity));
  put_id(out, checkpoint.id);
  put_number(out, checkpoint.key.device);
  put_number(out, checkpoint.key.inode);
  put_number(out, checkpoint.key.birth_ns);
  put_number(out, checkpoint.key.prefix_bytes);
  put_number(out, checkpoint.key.prefix_hash);
  put_number(out, checkpoint.partition);
  put_number(out, checkpoint.size_seen);
  put_number(out, checkpoint.seen_unix_seconds);
  put_number(out, static_cast<std::uint8_t>(checkpoint.is_finished ? kFlagFinished : 0));
  put_progress(out, checkpoint.progress);
  put_string(out, checkpoint.tailer);
  put_string(out, checkpoint.path);
  put_string(out, checkpoint.last_path);
}

void encode_progress(SourceId id, const Progress& progress, std::vector<std::byte>& out) {
  put_number(out, static_cast<std::uint8_t>(RecordKind::progress));
  put_id(out, id);
  put_progress(out, progress);
}

void encode_forget(SourceId id, std::vector<std::byte>& out) {
  put_number(out, static_cast<std::uint8_t>(RecordKind::forget));
  put_id(out, id);
}

Result<CheckpointRecord> decode_record(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  const auto kind = in.number<std::uint8_t>();
  if (kind < static_cast<std::uint8_t>(RecordKind::identity) || kind > static_cast<std::uint8_t>(RecordKind::forget)) {
    return bad("unknown kind of record");
  }
  CheckpointRecord record;
  record.kind = static_cast<RecordKind>(kind);
  record.checkpoint.id = read_id(in);
  bool are_flags_known = true;
  switch (record.kind) {
    case RecordKind::identity:
      read_identity(in, record.checkpoint, are_flags_known);
      break;
    case RecordKind::progress:
      record.checkpoint.progress = read_progress(in);
      break;
    case RecordKind::forget:
      break;
  }
  if (!in.is_whole()) return bad("a record of the wrong length");
  if (!are_flags_known) return bad("unknown flags");
  if (record.checkpoint.progress.tail_bytes > kTailBytesMax) return bad("a tail that is too long");
  if (record.checkpoint.key.prefix_bytes > kPrefixBytesMax) return bad("a prefix that is too long");
  return record;
}

}  // namespace tailrace
