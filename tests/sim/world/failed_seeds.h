// FailedSeeds: a file of the seeds that failed and have not passed since, one a line. What failed once is run first
// from then on, so that a fresh seed that nobody will draw again is not lost with the terminal that it was printed on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tailrace::sim {

using Seeds = std::vector<std::uint64_t>;

class FailedSeeds {
 public:
  explicit FailedSeeds(std::string path);  // "": nothing is kept; a file that is not there is empty

  const Seeds& seeds() const { return seeds_; }
  bool contains(std::uint64_t seed) const;
  void add(std::uint64_t seed);
  void passed(std::uint64_t seed);
  // Writes the file, when there was or is something to be kept, and prints which seeds those are.
  void store() const;

 private:
  std::string path_;
  Seeds seeds_;
  bool was_empty_ = true;
};

}  // namespace tailrace::sim
