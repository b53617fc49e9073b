// Batch: consecutive whole lines of one source, on their way to a sink.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer/chunk_pool.h"
#include "buffer/source.h"

namespace tailrace {

using BatchId = std::uint64_t;  // rises by one a batch, over all sources; 0 is none

// A line's bytes without its line end, inside the batch's slice.
struct Line {
  std::uint32_t begin;  // from slice.data()
  std::uint32_t bytes;
};

// Held beside each record by librdkafka and us; counted against the budget (design, section 2).
inline constexpr std::uint64_t kRecordOverheadBytes = 256;

struct Batch {
  BatchId id = 0;
  SourceId source;
  Offset begin = 0;  // file bytes [begin, end), line ends included
  Offset end = 0;
  Slice slice;              // slice.data()[0] is the byte at file offset `slice_offset`
  Offset slice_offset = 0;  // <= begin: a read starts up to 64 bytes early
  std::vector<Line> lines;  // at least one; in order
  // False: the source's bytes are no longer on disk (truncated): after a rewind the sink publishes it again itself.
  bool is_rereadable = true;
};

}  // namespace tailrace
