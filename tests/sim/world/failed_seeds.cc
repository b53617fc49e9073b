#include "tests/sim/world/failed_seeds.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace tailrace::sim {

FailedSeeds::FailedSeeds(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::ifstream in(path_);
  for (std::uint64_t seed = 0; in >> seed;) add(seed);
  was_empty_ = seeds_.empty();
}

bool FailedSeeds::contains(std::uint64_t seed) const {
  return std::find(seeds_.begin(), seeds_.end(), seed) != seeds_.end();
}

void FailedSeeds::add(std::uint64_t seed) {
  if (!contains(seed)) seeds_.push_back(seed);
}

void FailedSeeds::passed(std::uint64_t seed) { std::erase(seeds_, seed); }

void FailedSeeds::store() const {
  if (path_.empty() || (was_empty_ && seeds_.empty())) return;
  std::error_code ignored;  // the write below says it
  std::filesystem::create_directories(std::filesystem::absolute(path_).parent_path(), ignored);
  std::ofstream out(path_, std::ios::trunc);
  for (const std::uint64_t seed : seeds_) out << seed << '\n';
  if (!out.flush()) fmt::print("{} cannot be written\n", path_);
  if (!seeds_.empty()) fmt::print("failed seeds, run first from now on ({}): {}\n", path_, fmt::join(seeds_, " "));
}

}  // namespace tailrace::sim
