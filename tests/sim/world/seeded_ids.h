// seed_ids: getrandom(2) of the simulation. A SourceId is random; here it comes from the world's seed.
//
// The definition in seeded_ids.cc takes the place of the C library's in every program that links it.
#pragma once

#include <cstdint>

namespace tailrace::sim {

void seed_ids(std::uint64_t seed);

}  // namespace tailrace::sim
