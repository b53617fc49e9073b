// Checkpoint: what is remembered of one source, encoded and decoded. The journal writes it to disk; a transactional
// sink will write the same bytes to Kafka. Format v1 is described in docs/checkpoint_format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "buffer/source.h"

namespace tailrace {

// How far a source has been acknowledged, and the proof that it is still the file we knew.
struct Progress {
  Offset acked = 0;
  std::uint32_t tail_bytes = 0;  // so many bytes just before `acked` are in tail_hash (0 to kTailBytesMax)
  std::uint64_t tail_hash = 0;   // XXH3_64bits
  bool operator==(const Progress&) const = default;
};

struct Checkpoint {
  SourceId id;
  std::string tailer;
  std::string path;       // under which it was first seen: the one in records, keys and topics
  std::string last_path;  // where it was last seen; empty: `path`
  SourceKey key;
  std::int32_t partition = -1;         // -1: none chosen yet
  std::uint64_t size_seen = 0;         // the largest size seen: what may be lost when it is gone
  std::int64_t seen_unix_seconds = 0;  // when it was last there; for forget_after
  bool is_finished = false;            // gone or left behind, and shipped whole
  Progress progress;

  bool operator==(const Checkpoint&) const = default;
};

// A record's first byte. Numbers on disk: never given a new meaning.
enum class RecordKind : std::uint8_t {
  identity = 1,  // a whole Checkpoint
  progress = 2,  // only `id` and `progress`, of a source whose identity came before
  forget = 3,    // only `id`
};

struct CheckpointRecord {
  RecordKind kind = RecordKind::identity;
  Checkpoint checkpoint;  // the fields that the kind has
};

// Each appends one record's bytes to `out`.
void encode_identity(const Checkpoint& checkpoint, std::vector<std::byte>& out);
void encode_progress(SourceId id, const Progress& progress, std::vector<std::byte>& out);
void encode_forget(SourceId id, std::vector<std::byte>& out);

// Exactly one record. bad_input: an unknown kind, missing or left-over bytes, a number out of its range.
Result<CheckpointRecord> decode_record(std::span<const std::byte> bytes);

}  // namespace tailrace
