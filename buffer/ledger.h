// Ledger: how far each source has been read, acknowledged and made durable.
//
//   0 ........ durable ......... acked .......... read ......... size
//              survives a crash  settled by sink  in our memory  on disk
//
// The only place that moves these offsets. Batches settle in any order; `acked` moves when the oldest one does.
// A source's books are a small struct that its file holds; an idle one has no batches and owns nothing on the heap.
// Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "buffer/batch.h"
#include "buffer/checkpoint.h"
#include "buffer/source.h"

namespace tailrace {

// One stretch of a source between `read` and `acked`.
struct OpenStretch {
  BatchId id = 0;  // 0: skipped or filtered bytes, settled from the start
  Offset begin = 0;
  Progress at_end;  // where the file stands once everything up to this batch's end is settled
  std::uint32_t lines = 0;
  Instant read_at{};
  bool is_settled = false;
};

class SourceBooks {
 public:
  explicit SourceBooks(SourceId id) : id_(id) {}

  SourceId id() const { return id_; }
  Offset read() const { return read_.acked; }
  Offset acked() const { return acked_.acked; }
  Offset durable() const { return durable_; }
  // The proof of where `read` and `acked` stand: what the next read compares, and what the checkpoint keeps.
  const Progress& at_read() const { return read_; }
  const Progress& at_acked() const { return acked_; }
  bool is_settled() const { return read_.acked == acked_.acked; }
  std::size_t open_batches() const { return open_ ? open_->batches.size() - open_->first : 0; }

 private:
  friend class Ledger;
  struct Open {
    std::vector<OpenStretch> batches;
    std::size_t first = 0;  // batches before it are settled and counted
  };
  SourceId id_;
  Progress read_;
  Progress acked_;
  Offset durable_ = 0;
  Offset counted_ = 0;  // bytes below it have been counted as read once
  std::unique_ptr<Open> open_;
};

// What a call moved, for the counters of whoever called.
struct LedgerMove {
  SourceId source;
  std::uint64_t acked_bytes = 0;
  std::uint64_t acked_lines = 0;
  std::uint64_t fresh_bytes = 0;  // of a skip: never counted as read before
  Instant read_at{};              // of the batch that settled
};

class Ledger {
 public:
  // Sets all three offsets: a source that starts, or goes on after a restart, here. `durable`: so much of it is stored.
  void start(SourceBooks& books, const Progress& at, Offset durable);

  // Bytes [begin, at_end.acked) of the source went to the sink as `batch`. No gaps: `begin` is books.read().
  // Returns how many of them were never counted as read before (a rewind reads again).
  std::uint64_t open(SourceBooks& books, const OpenStretch& batch);

  // Bytes [books.read(), at_end.acked) hold no line to ship (skipped, filtered): settled in their turn. The caller
  // counts them, by reason; there is no other way past bytes.
  LedgerMove skip(SourceBooks& books, const Progress& at_end, Instant now);

  // `batch` is acknowledged or refused for good. Aborts on a batch that is not open: a report that comes twice is a bug
  // of the sink.
  LedgerMove settle(BatchId batch);

  // Everything open is dropped: the source is read again from `acked`. Returns the bytes that are read again.
  std::uint64_t rewind(SourceBooks& books);

  // The journal says so. Never goes back, never passes acked.
  void made_durable(SourceBooks& books, Offset durable);

  // The source is forgotten; its open batches (if any) must not settle any more.
  void close(SourceBooks& books);

  std::size_t open_batches() const { return by_batch_.size(); }

 private:
  LedgerMove pop_settled(SourceBooks& books);

  std::unordered_map<BatchId, SourceBooks*> by_batch_;
};

}  // namespace tailrace
