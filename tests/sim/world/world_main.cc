// tailrace_world: runs simulated worlds by their seeds.
//
//   tailrace_world --seeds 10000 [--first 1] [--jobs 2]   many seeds, in processes of their own; a seed that fails is
//                                                         shrunk and told in words
//   tailrace_world --seeds 400 --fresh                    the same, from a random seed on
//   tailrace_world --seeds 400 --failed FILE              first the seeds in FILE, which failed before; those that fail
//                                                         are kept there until they pass
//   tailrace_world --seed 4711 [--actions 0-12,15]        one seed, or a part of its program, told in words
//   tailrace_world --trace 100                            one hash over the traces of so many seeds
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <random>

#include "base/log.h"
#include "tests/sim/world/runs.h"
#include "tests/sim/world/world.h"

namespace {

// Below it are the seeds that people run by number.
constexpr std::uint64_t kFreshFirst = 1'000'000;

}  // namespace

int main(int argc, char** argv) {
  using namespace tailrace::sim;
  CLI::App app("runs simulated worlds by their seeds");
  RunOptions options;
  std::uint64_t seed = 0, trace = 0;
  std::string actions, except;
  bool is_verbose = false, is_fresh = false;
  app.add_option("--seeds", options.seeds, "so many seeds");
  app.add_option("--first", options.first, "from this one on");
  app.add_flag("--fresh", is_fresh, "from a random one on, which is printed");
  app.add_option("--except", except, "not these, one number a line: a file");
  app.add_option("--failed", options.failed_file, "first those in this file, where those that fail are kept");
  app.add_option("--jobs", options.jobs, "processes");
  app.add_option("--stop-after", options.failures_max, "end after so many seeds that failed");
  app.add_flag("--no-shrink", options.is_unshrunk, "do not look for the shortest program that fails");
  app.add_flag("--table", options.has_table, "fault kinds by file states, at the end");
  app.add_option("--seed", seed, "one seed, told in words");
  app.add_option("--actions", actions, "of its program only these: 0-12,15");
  app.add_option("--trace", trace, "a hash over so many seeds' traces");
  app.add_flag("--log", is_verbose, "with the agent's own log");
  CLI11_PARSE(app, argc, argv);
  std::ifstream listed(except);
  for (std::string line; std::getline(listed, line);) {
    if (!line.empty() && line[0] != '#') options.except.insert(std::stoull(line));
  }
  const auto nothing = static_cast<tailrace::LogLevel>(5);  // above error
  tailrace::log::set_level(is_verbose ? tailrace::LogLevel::debug : nothing);
  if (is_fresh) {
    options.first = kFreshFirst + std::random_device{}();
    fmt::print("seeds {} to {}\n", options.first, options.first + options.seeds - 1);
    std::fflush(stdout);
  }
  if (trace > 0) {
    fmt::print("{:016x}\n", trace_of(options.first, trace));
    return 0;
  }
  if (seed > 0) return run_one(seed, actions);
  return run_many(options);
}
