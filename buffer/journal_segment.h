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

struct SegmentPaths {
  explicit SegmentPaths(std::string state_dir)
      : directory(std::move(state_dir)),
        live(directory + "/checkpoints"),
        next(directory + "/checkpoints.new"),
        bad(directory + "/checkpoints.bad") {}
  std::string directory;
  std::string live;
  std::string next;  // being written; left over after a crash
  std::string bad;   // a journal without one good record, kept for a person to look at
};

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
Result<UniqueFd> write_segment(FileSystem& files, const SegmentPaths& paths, const SegmentPlan& plan);

// Ends what write_segment began: appends `catch_up` at `position`, fsyncs, renames, fsyncs the directory.
struct Takeover {
  int fd = -1;
  std::uint64_t position = 0;
  std::vector<std::byte> catch_up;
  // Out: from here on either segment may be the one that a crash leaves; both hold all that ever counted as durable.
  bool was_rename_tried = false;
};
Status take_over(FileSystem& files, const SegmentPaths& paths, Takeover& takeover);

// The live segment's bytes, up to where only zeros come. not_found: there is none.
struct SegmentFile {
  std::vector<std::byte> bytes;
  bool is_whole = true;  // false: the disk refused to read on
};
Result<SegmentFile> read_segment_file(FileSystem& files, const SegmentPaths& paths);

}  // namespace tailrace
