// StdoutSink and NullSink.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "base/unique_fd.h"
#include "sinks/null_sink.h"
#include "sinks/stdout_sink.h"
#include "tests/sinks/inline_workers.h"
#include "tests/sinks/sink_driver.h"

namespace tailrace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kMemory = 4 * 1024 * 1024;

class StdoutSinkTest : public testing::Test {
 protected:
  StdoutSinkTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
    sink_ = std::make_unique<StdoutSink>(write_end_.get(), kMemory, workers_);
    driver_ = std::make_unique<SinkDriver>(*sink_);
  }
  Lane& lane() { return *driver_->route("/a.log"); }
  std::string written() {
    std::string text(65536, '\0');
    const ssize_t bytes = ::read(read_end_.get(), text.data(), text.size());
    text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    return text;
  }

  UniqueFd read_end_, write_end_;
  InlineWorkers workers_;
  std::unique_ptr<StdoutSink> sink_;
  std::unique_ptr<SinkDriver> driver_;
  Instant now_{};
};

TEST_F(StdoutSinkTest, WritesALineEachInOrderAndSettlesWhatIsWritten) {
  const BatchId one = driver_->publish(lane(), source(1), {"a", ""}, now_);
  const BatchId two = driver_->publish(lane(), source(2), {"b"}, now_);
  sink_->flush(now_);
  EXPECT_THAT(driver_->poll(now_).settled, IsEmpty());
  workers_.dispatch(now_);
  driver_->poll(now_);
  EXPECT_THAT(driver_->settled(), ElementsAre(one, two));
  EXPECT_EQ(written(), "a\n\nb\n");
  EXPECT_TRUE(sink_->is_empty());
  lane().arena.close();
  EXPECT_EQ(sink_->pool().budget().used(), 0u);
}

TEST_F(StdoutSinkTest, OneJobAtATimeAndRoomEndsWhileNobodyReads) {
  driver_->publish(lane(), source(1), {"a"}, now_);
  sink_->flush(now_);
  int batches = 0;
  while (sink_->room(lane()) > 0) {
    driver_->publish(lane(), source(1), {std::string(64 * 1024, 'x')}, now_);
    sink_->flush(now_);
    ASSERT_LT(++batches, 100);
  }
  EXPECT_EQ(workers_.pending(), 1u);
  EXPECT_LE(sink_->pool().budget().used(), kMemory / 2);
  EXPECT_FALSE(sink_->status(now_ + std::chrono::seconds(6)).is_up);
}

TEST_F(StdoutSinkTest, AClosedPipeStopsTheAgent) {
  std::signal(SIGPIPE, SIG_IGN);
  read_end_.reset();
  driver_->publish(lane(), source(1), {"a"}, now_);
  sink_->flush(now_);
  workers_.dispatch(now_);
  EXPECT_EQ(driver_->poll(now_).stop, "stdout is closed");
  EXPECT_THAT(driver_->settled(), IsEmpty());
  EXPECT_EQ(sink_->room(lane()), 0u);
}

TEST(NullSink, SettlesEverythingAtTheNextPoll) {
  NullSink sink(kMemory);
  SinkDriver driver(sink);
  const BatchId one = driver.publish(*driver.route("/a.log"), source(1), {"a", "b"}, {});
  EXPECT_EQ(sink.status({}).inflight_records, 2u);
  driver.poll({});
  EXPECT_THAT(driver.settled(), ElementsAre(one));
  EXPECT_TRUE(driver.events.room_changed);
  EXPECT_TRUE(sink.is_empty());
  driver.route("/a.log")->arena.close();
  EXPECT_EQ(sink.pool().budget().used(), 0u);
}

}  // namespace
}  // namespace tailrace
