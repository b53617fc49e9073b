// AgeMarks: since when the bytes of a file have been there, for lag in seconds. Loop thread only.
//
// A mark says that the bytes up to its end, and after the mark before it, were first seen at its time. Marks that lie
// closer than 0.5 s, or 4 % of their age, are merged towards the older: an hour of lag is some two hundred marks.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "buffer/source.h"

namespace tailrace {

class AgeMarks {
 public:
  // The file was seen with `size` bytes; those not marked yet are as old as `when`.
  void saw(Offset size, Instant when);
  // When the byte at `offset` was first seen; kNever if it has not been.
  Instant seen_at(Offset offset) const;
  // Bytes below `offset` need no marks any more.
  void forget_below(Offset offset);
  // Bytes from `size` on are not there, or not yet.
  void cut(Offset size);
  void clear() { std::vector<Mark>().swap(marks_); }
  std::size_t size() const { return marks_.size(); }

 private:
  struct Mark {
    Offset end;
    Instant when;   // its oldest byte was first seen
    Instant until;  // its youngest byte was
  };
  void merge(Instant now);

  std::vector<Mark> marks_;  // ascending in both; empty: it owns nothing on the heap
};

}  // namespace tailrace
