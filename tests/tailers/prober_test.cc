#include "tailers/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/sim/sim_engine.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_watcher.h"
#include "tests/sim/sim_worker_pool.h"

namespace tailrace {
namespace {

using ::testing::ElementsAre;

struct ProberTest : testing::Test {
  SimFileSystem disk;
  SimWatcher watcher{disk};
  std::unique_ptr<SimEngine> engine;
  SimWorkerPool workers;
  DirectoryWatches watches{watcher};
  Ledger ledger;
  DescriptorBudget descriptors{1000};
  std::unique_ptr<CheckpointJournal> journal;
  std::unique_ptr<Parts> parts;
  std::unique_ptr<Prober> prober;
  std::vector<Probe> probes;
  bool is_done = false;

  ProberTest() {
    disk.make("/log");
    use_engine({});
  }
  void use_engine(SimEngineFaults faults) {
    prober.reset();
    engine = std::make_unique<SimEngine>(disk, faults);
    journal = std::make_unique<CheckpointJournal>(JournalSettings{.directory = "/state"}, disk, *engine, workers);
    parts = std::make_unique<Parts>(Parts{.files = disk,
                                          .engine = *engine,
                                          .workers = workers,
                                          .watches = watches,
                                          .ledger = ledger,
                                          .journal = *journal,
                                          .descriptors = descriptors});
    prober = std::make_unique<Prober>(*parts, Symlinks::follow);
  }
  void start(const std::vector<std::string>& paths, bool keeps = true, bool wants_tail = false) {
    std::vector<ProbeRequest> requests;
    for (const std::string& path : paths)
      requests.push_back({.path = path, .first_path = path, .wants_tail = wants_tail});
    prober->start(std::move(requests), keeps, [this](std::vector<Probe>& done, Instant) {
      EXPECT_FALSE(is_done) << "done twice";
      is_done = true;
      probes = std::move(done);
    });
  }
  void open() { workers.dispatch(Instant{}); }  // the worker's part
  void read() {
    for (int i = 0; i < 1000 && !is_done; ++i) {
      engine->flush();
      engine->dispatch(Instant{});
    }
    EXPECT_TRUE(is_done);
  }
  static std::string prefix_of(const Probe& probe) {
    return {reinterpret_cast<const char*>(probe.prefix.data()), probe.prefix.size()};
  }
  static std::string text(char c, std::size_t bytes) { return std::string(bytes, c); }
};

// Cold files wait for the disk together and not one after the other.
TEST_F(ProberTest, TheFirstBytesOfManyFilesAreReadAtOnce) {
  std::vector<std::string> paths;
  for (int i = 10; i < 50; ++i) {
    paths.push_back("/log/" + std::to_string(i));
    disk.append(paths.back(), text('a', i));
  }
  start(paths);
  open();
  EXPECT_EQ(engine->in_flight(), 40u);
  EXPECT_FALSE(is_done);
  read();
  ASSERT_EQ(probes.size(), 40u);
  for (std::size_t i = 0; i < probes.size(); ++i) {
    EXPECT_EQ(probes[i].request.path, paths[i]);
    EXPECT_EQ(probes[i].stat.size, i + 10);
    EXPECT_EQ(prefix_of(probes[i]), text('a', i + 10));
    EXPECT_TRUE(probes[i].fd);
  }
}

TEST_F(ProberTest, AnswersComeInTheOrderOfTheRequestsWhateverTheEngineDoes) {
  use_engine({.seed = 7, .delay_max = 5, .reorders = true});
  for (const char* path : {"/log/a", "/log/b", "/log/c"}) disk.append(path, path);
  start({"/log/c", "/log/a", "/log/none", "/log/b"});
  open();
  read();
  std::vector<std::string> found;
  for (const Probe& probe : probes) found.push_back(probe.is_ok() ? prefix_of(probe) : "none");
  EXPECT_THAT(found, ElementsAre("/log/c", "/log/a", "none", "/log/b"));
}

// An engine may give less than it was asked for: a fingerprint of a part would make a known file a new one.
TEST_F(ProberTest, AShortReadIsNoShortFile) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    use_engine({.seed = seed, .short_percent = 60});
    disk.append("/log/app", text('a', 100));
    is_done = false;
    start({"/log/app"});
    open();
    read();
    const std::size_t size = std::min<std::size_t>(100 * seed, kPrefixBytesMax);
    ASSERT_EQ(probes[0].prefix.size(), size) << "seed " << seed;
  }
}

// It is cut and written anew after the worker opened it: size and first bytes are both of the new content.
TEST_F(ProberTest, TheSizeIsThatOfTheMomentOfTheRead) {
  disk.append("/log/app", text('a', 5000));
  start({"/log/app"});
  open();
  disk.cut("/log/app");
  disk.append("/log/app", text('b', 70));
  read();
  EXPECT_EQ(probes[0].stat.size, 70u);
  EXPECT_EQ(prefix_of(probes[0]), text('b', 70));
}

TEST_F(ProberTest, WhatCannotBeReadIsAnErrorThatNamesIt) {
  disk.append("/log/app", "line\n");
  start({"/log/app"});
  open();
  disk.faults().add({.op = SimOp::read, .path_contains = "app"});
  read();
  ASSERT_FALSE(probes[0].is_ok());
  EXPECT_EQ(probes[0].error.front().kind(), ErrorKind::io);
  EXPECT_THAT(probes[0].error.front().text(), testing::HasSubstr("read /log/app"));
  EXPECT_FALSE(probes[0].fd);
  EXPECT_EQ(disk.open_descriptors(), 0u);
}

// Where the descriptors are used up a worker has one open at a time, and hands none over.
TEST_F(ProberTest, WithoutDescriptorsToKeepTheWorkerReads) {
  disk.append("/log/a", "a\n");
  disk.append("/log/b", "b\n");
  start({"/log/a", "/log/b"}, false);
  open();
  ASSERT_TRUE(is_done);
  EXPECT_EQ(prefix_of(probes[0]), "a\n");
  EXPECT_EQ(prefix_of(probes[1]), "b\n");
  EXPECT_EQ(disk.open_descriptors(), 0u);
}

// start_at = "end": the bytes before the end belong to the size that was seen.
TEST_F(ProberTest, TheTailIsOfTheSameMomentAsTheSize) {
  disk.append("/log/app", text('a', 5000));
  start({"/log/app"}, true, true);
  open();
  disk.append("/log/app", "more\n");
  if (!is_done) read();
  EXPECT_EQ(probes[0].stat.size, 5000u);
  EXPECT_EQ(probes[0].tail.size(), kTailBytesMax);
}

TEST_F(ProberTest, PathsAreResolvedThroughLinksOfFilesAndDirectories) {
  disk.make("/data/deep");
  disk.append("/data/deep/app.log", "x\n");
  disk.append("/log/own.log", "y\n");
  disk.symlink("/data/deep", "/log/linked");
  disk.symlink("/data/deep/app.log", "/log/app.log");
  disk.symlink("/nowhere", "/log/dangling");
  start({"/log/linked/app.log", "/log/app.log", "/log/own.log", "/log/dangling"});
  open();
  read();
  EXPECT_EQ(probes[0].real_path, "/data/deep/app.log");
  EXPECT_EQ(probes[1].real_path, "/data/deep/app.log");
  EXPECT_EQ(probes[2].real_path, "/log/own.log");
  ASSERT_FALSE(probes[3].is_ok());
  EXPECT_EQ(probes[3].error.front().kind(), ErrorKind::not_found);
}

}  // namespace
}  // namespace tailrace
