// TailFile: one file's life, as one tailer sees it: its descriptor, its books, what is known of it, what it waits for.
//
//                 opened            bytes unread             at its end, all acked
//   discovered ──────────▶ reading ◀────────────▶ idle ──────────────────────────────┐
//        │                    │ renamed away or deleted                               │ gone or left behind
//        │                    ▼                                                       ▼
//        └──────────────▶ draining ───────────── at its end, all acked ──────────▶ finished
//
// A truncated file ends as a TailFile without a descriptor (its open batches settle, then it is forgotten), and goes on
// as a new one with a new SourceId. Loop thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "buffer/age_marks.h"
#include "buffer/checkpoint.h"
#include "buffer/ledger.h"
#include "tailers/outlet.h"

namespace tailrace {

class Tailer;

enum class FileState : std::uint8_t { discovered, idle, reading, draining, finished, parked };
std::string_view name_of(FileState state);

// Where a file stands with the scheduler of its sink.
enum class Turn : std::uint8_t {
  none,        // nothing to read
  queued,      // waits for its turn
  in_flight,   // an open or a read is under way
  wants_lane,  // the sink does not know yet where it goes
  wants_room,  // its lane is full
  wants_acks,  // a quarter of `memory` is unacknowledged
  wants_memory,
  wants_file,   // no descriptor to be had
  wants_other,  // the file before it under its path is not read to its end yet
  wants_retry,  // an error: asked again later
  wants_end,    // whether what follows are reserved zeros is being looked for
};

struct TailFile {
  TailFile(Tailer& of, const Checkpoint& known) : tailer(&of), checkpoint(&known), books(known.id) {}

  Tailer* tailer;
  const Checkpoint* checkpoint;  // the journal's record: id, path as first seen, key, partition
  std::string path;              // where it is now, without symlinks; empty: its name is gone
  UniqueFd fd;
  SourceBooks books;
  Offset size = 0;              // as last seen, without reserved zeros: one past the last byte that is no zero
  Offset extent = 0;            // the file's own size, as last seen: [size, extent) are zeros, or were
  Offset end_sought = 0;        // with this extent the zeros at its end were looked for
  Offset cut_from = 0;          // cut, not below `read`, from so large; whether it still is this file is to be proven
  std::uint64_t cut_bytes = 0;  // so many were cut off unread
  Offset proven = 0;       // so large it was while it was surely this file, and not another content under its inode
  Offset scanned_to = 0;   // [read, scanned_to) holds no line end
  Offset cached_from = 0;  // backlog before it has left the page cache
  AgeMarks marks;

  TailFile* before = nullptr;  // under the same path, not finished: it is shipped first
  TailFile* after = nullptr;

  Instant named_at{};         // when it got the name that it has
  Instant changed_at{};       // it was last seen to grow, to move or to vanish
  Instant close_at = kNever;  // offered to the descriptor budget until then
  Instant retry_at = kNever;
  Instant refill_at = kNever;  // its place in the tailer's RefillWatch
  Instant end_sought_at{};
  WallTime end_sought_modified{};
  WallTime modified{};               // as last seen
  WallTime compared = kNotCompared;  // what was written up to then has been read or compared
  std::string trouble;               // why it cannot be read; empty: it can
  LaneNumber lane = 0;
  std::uint32_t read_want = 0;  // a line is longer than the last read was: read at least so much
  std::uint32_t retries = 0;
  std::uint32_t cuts = 0;            // seen of it: a comparison that began before the last proves nothing
  std::uint32_t empty_reads = 0;     // in a row: the file system said that there was more, and gave nothing
  std::uint32_t lag_slot = kNoSlot;  // in the tailer's list of files that lag

  Turn turn = Turn::none;
  bool has_lane = false;
  bool is_deleted = false;   // no name is left
  bool is_left = false;      // renamed to where the globs do not look, or moved out of sight
  bool is_replaced = false;  // truncated: its bytes are no longer on disk, a new source has its descriptor
  bool may_return = false;   // nowhere to be found: should it come back, its checkpoint is still there
  bool is_ending = false;    // no more will come: an unfinished last line is a line
  bool is_parked = false;
  bool is_forgotten = false;      // removed; the struct lives until the turn ends
  bool is_live = true;            // its next read is a live tail's, not backlog
  bool is_reading_aside = false;  // a read of its prefix, or of the bytes before its offset, is under way
  bool is_searched = false;       // its name is being looked for
  bool must_reread = false;       // its unfinished last line may be another one by now
  bool seeks_end = false;         // a worker looks where its zeros begin, or will
  bool must_peek = false;         // something may have been written over its reserved zeros
  std::uint32_t scan_number = 0;  // of the last scan that saw its name
  bool must_look = false;         // something changed while a read was under way: look again after it
  Offset target = kNoTarget;      // draining: read so far and no further
  std::uint64_t held_bytes = 0;   // fsync = "sync": acked, not yet durable, and charged to the sink's memory

  static constexpr std::uint32_t kNoSlot = 0xffffffff;
  static constexpr Offset kNoTarget = ~Offset{0};
  static constexpr WallTime kNotCompared = WallTime::min();

  void set_size(Offset to) { size = extent = to; }
  std::uint64_t unread() const { return size > books.read() ? size - books.read() : 0; }
  // Bytes that a read might turn into lines.
  bool has_work() const {
    return !is_replaced && !is_parked && !is_forgotten && size > books.read() && books.read() < target &&
           (size > scanned_to || read_want > 0 || is_ending || must_reread);
  }
  bool is_held_back() const {
    return turn == Turn::wants_lane || turn == Turn::wants_room || turn == Turn::wants_acks ||
           turn == Turn::wants_memory || turn == Turn::wants_other;
  }
  // Of so many bytes it is shorter than its read offset; or shorter than it was, with nothing read that could be twice.
  bool is_truncated_at(Offset bytes) const {
    return bytes < books.read() || (bytes < size && books.at_read().tail_bytes == 0);
  }
  // There is something past its offset, a line or not, that may change without a word.
  bool may_refill() const { return std::max(size, extent) > books.read() && !is_replaced; }
  bool is_gone() const { return is_deleted || is_left || is_replaced; }
  bool is_busy() const { return turn == Turn::in_flight || is_reading_aside; }
  bool is_done() const { return !has_work() && books.is_settled() && !is_busy() && unread() == 0; }
  FileState state() const;
  // What it waits for, in a person's words; empty: for nothing.
  std::string reason() const;
};

// Orders files by what they are and not by where they lie in memory: the same run takes the same course.
struct ById {
  bool operator()(const TailFile* a, const TailFile* b) const { return a->books.id() < b->books.id(); }
};
struct ByTimeAndId {
  using Entry = std::pair<Instant, TailFile*>;
  bool operator()(const Entry& a, const Entry& b) const {
    return a.first != b.first ? a.first < b.first : ById{}(a.second, b.second);
  }
};

}  // namespace tailrace
