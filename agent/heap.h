// Heap: what the C library does with memory that was given back.
#pragma once

namespace tailrace {

// librdkafka takes and gives back a buffer of a request's size for each request, and another to compress it. As glibc
// is set, each of them goes back to the kernel and comes anew, page fault by page fault: a seventh of the CPU of
// shipping to twelve partitions. So blocks below 8 MiB stay, up to 16 MiB at the end of each arena (mallopt(3)). Before
// the first thread is started.
void keep_freed_memory();

}  // namespace tailrace
