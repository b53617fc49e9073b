// JournalSegment: the checkpoint journal's file, its format (docs/checkpoint_format.md) and how a new one comes about.
//
//   | header, 4096 bytes | record | record | .. | zeros to the end |
//
// A segment is written whole with its zeros under a temporary name, fsynced, renamed into place, and its directory
// fsynced; after that it is only ever overwritten in order, so that fdatasync has no metadata to commit. Everything
// here blocks or computes; nothing keeps state. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"
#include "buffer/checkpoint.h"

namespace tailrace {

inline constexpr std::uint32_t kJournalVersion = 1;
inline constexpr std::uint64_t kSegmentHeaderBytes = 4096;  // a page, so that appends never touch the header's
inline constexpr std::uint32_t kRecordHeaderBytes = 8;
inline constexpr std::uint32_t kRecordBytesMax = 1024 * 1024;  // of a payload

// The names in state_dir.
inline constexpr char kLiveName[] = "checkpoints";
inline constexpr char kNextName[] = "checkpoints.new";  // being written; left over after a crash
inline constexpr char kBadName[] = "checkpoints.bad";   // without one good record, kept for a person to look at

// Records for one place in one segment: neither would be good anywhere else.
class SegmentEncoder {
 public:
  SegmentEncoder(std::uint64_t epoch, std::uint64_t position) : epoch_(epoch), begin_(position) {}

  void identity(const Checkpoint& checkpoint);
  void progress(SourceId id, const Progress& progress);
  void forget(SourceId id);

  std::uint64_t position() const { return begin_ + bytes_.size(); }  // where the next record goes
  std::size_t size() const { return bytes_.size(); }
  void cut(std::size_t size) { bytes_.resize(size); }  // to a size that it had: takes the last records back
  std::vector<std::byte>& bytes() { return bytes_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  template <class Encode>
  void append(const Encode& encode);

  std::uint64_t epoch_;
  std::uint64_t begin_;
  std::vector<std::byte> bytes_;
};

struct SegmentContents {
  std::unordered_map<SourceId, Checkpoint> sources;
  std::uint64_t epoch = 0;  // with a good header
  bool is_header_good = false;
  std::uint64_t records = 0;  // good ones
  std::uint64_t bad_at = 0;   // 0: ends cleanly; else the byte at which a record was torn or damaged
};

// All that is good up to the first bad record. Errors: unsupported, a newer tailrace wrote it.
Result<SegmentContents> replay_segment(std::span<const std::byte> file);

struct SegmentPlan {
  std::uint64_t epoch = 0;
  std::uint64_t bytes = 0;         // of the whole segment
  std::vector<std::byte> records;  // encoded for kSegmentHeaderBytes
};

// Writes the whole segment under the temporary name and fsyncs it.
Result<UniqueFd> write_segment(FileSystem& files, int directory, const SegmentPlan& plan);

// One process's segments have epochs that begin alike, so that it knows its own again, wherever it meets them.
inline constexpr std::uint64_t kEpochFamilyMask = ~std::uint64_t{0xffffff};

// Ends what write_segment began: appends `catch_up` at `position`, fsyncs, renames, fsyncs the directory.
struct Takeover {
  int fd = -1;
  std::uint64_t position = 0;
  std::vector<std::byte> catch_up;
  // What may be replaced: nothing, something damaged, our own, and what the start replayed. A journal that is whole and
  // none of these is left alone: `refused`.
  std::uint64_t epoch_family = 0;
  std::uint64_t replayed_epoch = 0;
  bool puts_aside = false;  // what is there has not one good record: it is kept under another name
  // Out: from here on either segment may be the one that a crash leaves; both hold all that ever counted as durable.
  bool was_rename_tried = false;
};
Status take_over(FileSystem& files, int directory, Takeover& takeover);

// The live segment's bytes, up to where only zeros come. Errors: not_found, there is none; permission, also for a
// symbolic link and what is no regular file; `again` for all else, which may pass: there may be a good one.
Result<std::vector<std::byte>> read_segment_file(FileSystem& files, int directory);

}  // namespace tailrace
