#include "buffer/source.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstddef>

#include "base/check.h"

namespace tailrace {

SourceId SourceId::random() {
  SourceId id;
  auto* into = reinterpret_cast<std::byte*>(&id);
  std::size_t have = 0;
  while (have < sizeof id) {
    const ssize_t got = ::getrandom(into + have, sizeof id - have, 0);
    // Only a signal before the kernel's pool is ready can interrupt it; no other failure is possible with these flags.
    TR_ASSERT(got > 0 || errno == EINTR, "getrandom: errno {}", errno);
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  return id;
}

std::string SourceId::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

}  // namespace tailrace
