#include "tests/sim/world/seeded_ids.h"

#include <sys/random.h>
#include <sys/types.h>

#include <cstring>

#include "tests/sim/world/dice.h"

namespace {

thread_local tailrace::sim::Dice ids(0);

}  // namespace

namespace tailrace::sim {

void seed_ids(std::uint64_t seed) { ids = Dice(seed ^ 0x1d5); }

}  // namespace tailrace::sim

extern "C" ssize_t getrandom(void* into, size_t bytes, unsigned int) {
  for (size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t value = ids.next();
    std::memcpy(static_cast<char*>(into) + at, &value, bytes - at < sizeof value ? bytes - at : sizeof value);
  }
  return static_cast<ssize_t>(bytes);
}
