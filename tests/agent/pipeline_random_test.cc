// Random programs of writers, rotations, late workers, late events, stalls, rewinds and kills against the whole
// Pipeline: whatever happens, every line arrives, and the first arrivals of a path's lines come in the order of
// writing.
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "tests/agent/pipeline_world.h"

namespace tailrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RandomProgram : public PipelineWorld, public testing::WithParamInterface<int> {
 protected:
  std::mt19937_64 random_{static_cast<std::uint64_t>(GetParam())};
  std::map<std::string, int> written_;  // path -> lines, over all files that followed each other under it
  std::vector<std::string> program_;

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string some_path() { return "/log/" + std::to_string(below(6)) + ".log"; }

  void append() {
    const std::string path = some_path();
    const int count = static_cast<int>(1 + below(5));
    const std::string text = lines(written_[path], written_[path] + count, path);
    written_[path] += count;
    const std::size_t cut = below(text.size());  // in two writes: the file is seen in between
    disk.append(path, text.substr(0, cut));
    if (below(2) == 0) step();
    disk.append(path, text.substr(cut));
    program_.push_back("append " + path);
  }
  void rotate() {
    const std::string path = some_path();
    if (!disk.exists(path)) return;
    for (int i = 8; i > 0; --i) {
      const std::string from = path + "." + std::to_string(i);
      if (disk.exists(from)) disk.move(from, path + "." + std::to_string(i + 1));
    }
    disk.move(path, path + ".1");
    program_.push_back("rotate " + path);
  }
  void restart() {
    kill();
    start_unsettled();
    program_.push_back("kill -9, start");
  }
  void one_step() {
    switch (below(16)) {
      case 0:
        // Only when it has seen the last one: two rotations in one absence have an order that nobody promised.
        if (is_calm()) rotate();
        break;
      case 1:
        if (below(3) == 0) restart();
        break;
      case 2:
        workers->hold(below(2) == 0);
        break;
      case 3:
        watcher->hold(below(2) == 0);
        break;
      case 4:
        sink->is_stalled = below(2) == 0;
        break;
      case 5:
        sink->must_rewind = true;
        break;
      case 6:
      case 7:
      case 8:
        append();
        break;
      default:
        step(milliseconds(1 + below(20)));
    }
  }
  bool is_calm() {
    calm();
    run(seconds(1));
    return true;
  }
  void calm() {
    workers->hold(false);
    watcher->hold(false);
    sink->is_stalled = false;
  }
};

TEST_P(RandomProgram, LosesNothingAndKeepsTheOrder) {
  start();
  const int steps = 150;
  for (int i = 0; i < steps && !HasFatalFailure(); ++i) one_step();
  calm();
  run(seconds(65));
  std::string steps_done;
  for (const std::string& step : program_) steps_done += step + "; ";
  SCOPED_TRACE(steps_done);
  std::map<std::string, int> next;
  std::set<std::string> seen;
  for (const std::string& line : delivered()) {
    if (!seen.insert(line).second) continue;  // a kill or a rewind may double
    const std::size_t space = line.rfind(' ');
    const std::string path = line.substr(0, space);
    EXPECT_EQ(std::stoi(line.substr(space + 1)), next[path]) << "of " << path;
    next[path] = std::stoi(line.substr(space + 1)) + 1;
  }
  for (const auto& [path, count] : written_) EXPECT_EQ(next[path], count) << path << " is not whole";
  for (const std::uint64_t bytes : tailer().counters.lost_bytes) EXPECT_EQ(bytes, 0u);
  EXPECT_EQ(tailer().lag[2].bytes, 0u) << "durable";
  EXPECT_EQ(sink->pool().budget().used(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomProgram, testing::Range(1, 201));

}  // namespace
}  // namespace tailrace
