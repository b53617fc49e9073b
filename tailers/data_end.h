// DataEnd: where a file's bytes end and the zeros begin that its writer has reserved (fallocate, ftruncate, mmap).
//
//   line\nline\npart 0 0 0 0 0 0 0 0 0 0
//                   ▲ data end          ▲ the file's own size
//
// A file's zeros at its end are no line and no lag: they wait until something is written over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "base/file_system.h"
#include "buffer/source.h"

namespace tailrace {

// How many of `bytes` are left without the zero bytes at their end.
std::size_t bytes_without_zeros(std::span<const std::byte> bytes);

// Goes back from the end of a file to its last byte that is no zero, a piece at a time: a file may hold many gigabytes
// of zeros, and a worker is to serve others as well.
struct DataEndSearch {
  Offset begin = 0;  // what is before it is known to be data
  Offset end = 0;    // [end, the file's size) are zeros: where the search stands, and, once it is over, its result
  bool is_over = false;
};

// Looks through one more piece. What the file system knows to hold nothing it does not read. Blocks.
Status search_data_end(FileSystem& files, int fd, DataEndSearch& search);

}  // namespace tailrace
