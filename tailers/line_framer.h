// LineFramer: bytes to lines. A line ends with "\n" (a "\r" before it is removed); views, not copies.
//
// Stateless between reads except for what is in FrameState: a partial line is read again from its first byte when more
// has come, so the caller hands in bytes that begin where the last call's `consumed` ended. However a file is divided
// into reads, the lines are the same. NUL bytes and invalid UTF-8 are bytes like any other.
//
//   consumed            a long line, line_bytes_max = 4:
//   ▼                      a b c d | e f g h | i \n      3 lines, counted once in long_lines
//   line\r\nline\npart      a b c d | e f g h | \n        2 lines: no empty last piece
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "buffer/batch.h"

namespace tailrace {

struct FrameLimits {
  std::uint32_t line_bytes_max = 512 * 1024;    // without the line end; exactly so many is not long
  std::uint32_t record_bytes_max = 0xffffffff;  // what the sink can take in one record; the smaller of the two counts

  std::uint32_t piece_bytes_max() const { return std::min(line_bytes_max, record_bytes_max); }
  // A read that holds so many bytes always yields something; one that holds fewer may have to be made again.
  std::uint64_t progress_bytes() const { return std::uint64_t{piece_bytes_max()} + 2; }
};

struct FrameState {
  // The bytes go on a line of which pieces have been cut, or which was handed out unfinished (`is_last`): a line end
  // that follows at once makes no empty line, and what follows is not counted as long again. After a restart it is
  // true when the offset is not 0 and the byte before it is no "\n".
  bool inside_long_line = false;
  std::uint32_t zeros_pending = 0;  // reserved for runs of zero bytes (issue 4)
};

struct FrameResult {
  std::uint32_t consumed = 0;    // bytes of whole lines and cut pieces, line ends included
  std::uint32_t long_lines = 0;  // lines that began to be split here
};

// Appends to `lines` views relative to `base` (added to each begin). `is_last`: the file ends here for good, so an
// unfinished last line is a line too, with its "\r" if it ends with one. A line longer than the limit is cut into
// pieces of line_bytes_max, never inside a UTF-8 sequence, as soon as so much has come; the last piece is never empty.
FrameResult frame_lines(std::span<const std::byte> bytes, std::uint32_t base, const FrameLimits& limits, bool is_last,
                        FrameState& state, std::vector<Line>& lines);

}  // namespace tailrace
