#include "tailers/directory_watches.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_watcher.h"

namespace tailrace {
namespace {

// A directory is removed and made anew, and the events of it are lost in an overflow: the next scan watches the new
// one.
TEST(DirectoryWatches, RemadeDirectoryIsWatchedThoughNoEventToldOfIt) {
  SimFileSystem disk;
  disk.make("/log/a");
  SimWatcher watcher(disk);
  DirectoryWatches watches(watcher);
  ASSERT_EQ(watches.add("/log/a"), DirectoryWatches::Added::watched);
  ASSERT_EQ(watches.add("/log/a"), DirectoryWatches::Added::already);

  disk.erase("/log/a");
  disk.make("/log/a");
  watcher.drop_queue();

  EXPECT_EQ(watches.add("/log/a"), DirectoryWatches::Added::watched);
  EXPECT_EQ(watches.size(), 1u);
  disk.append("/log/a/app.log", "x");
  std::string seen;
  watcher.read_events(
      [&](const WatchEvent& event) { seen = *watches.path_of(event.watch) + "/" + std::string(event.name); });
  EXPECT_EQ(seen, "/log/a/app.log");
}

}  // namespace
}  // namespace tailrace
