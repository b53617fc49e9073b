#include "agent/heap.h"

#include <malloc.h>

namespace tailrace {

void keep_freed_memory() {
#ifdef __GLIBC__
  // Either one set alone would end the adjustment of both that glibc makes by itself.
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

}  // namespace tailrace
