// Runs: many worlds, in processes of their own (an assertion that fails ends one of them and not the run), what they
// met in sum, and the shortest program that still fails.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace tailrace::sim {

struct RunOptions {
  std::uint64_t first = 1, seeds = 1000;
  unsigned jobs = 2;
  unsigned failures_max = 1;
  std::set<std::uint64_t> except;  // left out
  // The seeds that failed before and have not passed since, one a line: they are run first, and those that fail are
  // kept there. Empty: none are.
  std::string failed_file;
  bool is_unshrunk = false, has_table = false;
};

// Both print to stdout and return the exit status: 1 when a promise was broken.
int run_many(const RunOptions& options);
int run_one(std::uint64_t seed, const std::string& actions);

// The same for the same code, whatever compiled it.
std::uint64_t trace_of(std::uint64_t first, std::uint64_t seeds);

}  // namespace tailrace::sim
