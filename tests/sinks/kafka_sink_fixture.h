// KafkaSinkTest: a KafkaSink on fake brokers, in simulated time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sinks/kafka_sink.h"
#include "tests/sinks/fake_kafka_client.h"
#include "tests/sinks/inline_workers.h"
#include "tests/sinks/sink_driver.h"

namespace tailrace {

class KafkaSinkTest : public testing::Test {
 protected:
  KafkaSinkTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tailrace-sink-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    agent_.name = "host-1";
    agent_.state_dir = directory_;
    config_.name = "main";
    config_.linger = Milliseconds(0);
  }
  ~KafkaSinkTest() override {
    driver_.reset();
    sink_.reset();
    std::filesystem::remove_all(directory_);
  }

  void start() {
    auto made = KafkaSink::create(config_, agent_, 64 * 1024, {files_, workers_, kafka_.factory(), try_settings_});
    ASSERT_TRUE(made) << made.error().text();
    sink_ = *std::move(made);
    driver_ = std::make_unique<SinkDriver>(*sink_, true);
    poll();  // the first turn brings the time
  }
  // Started, and the topic has `partitions`.
  void start_with(std::int32_t partitions) {
    start();
    EXPECT_EQ(driver_->route("/a.log"), nullptr);
    kafka_.answer(partitions);
    poll();
  }
  Lane& lane(std::int32_t partition) {
    Lane* found = driver_->route("/a.log", partition);
    TR_ASSERT(found != nullptr, "the topic is not known");
    return *found;
  }
  SinkEvents& poll() {
    SinkEvents& events = driver_->poll(now_);
    workers_.dispatch(now_);
    return events;
  }
  // Turns at every deadline until `duration` has passed; the events of all of them.
  SinkEvents pass(Duration duration) {
    SinkEvents all;
    const Instant end = now_ + duration;
    while (now_ < end) {
      now_ = std::min(end, std::max(sink_->next_deadline(), now_ + std::chrono::milliseconds(1)));
      SinkEvents& one = poll();
      all.settled.insert(all.settled.end(), one.settled.begin(), one.settled.end());
      all.rewound.insert(all.rewound.end(), one.rewound.begin(), one.rewound.end());
      all.rewind_all = all.rewind_all || one.rewind_all;
      all.room_changed = all.room_changed || one.room_changed;
      if (one.stop) all.stop = one.stop;
    }
    return all;
  }
  // A first record is stored: what follows is handed over by the request.
  void prove(Lane& to) {
    driver_->publish(to, source(1000), {"proof"}, now_);
    kafka_.deliver_all();
    poll();
    driver_->forget_settled();
    kafka_.client().requests.clear();
    kafka_.stored.clear();
    now_ += std::chrono::milliseconds(10);  // past any linger
  }
  // Time in which broker 0's thread burns CPU.
  void spin_for(Duration duration) {
    for (Duration done{0}; done < duration; done += std::chrono::milliseconds(20)) {
      if (kafka_.client().parked.empty()) kafka_.client().cpu[0] += std::chrono::milliseconds(15);
      pass(std::chrono::milliseconds(20));
    }
  }
  // Fills the lane as a scheduler would, with lines of `line_bytes`; how many file bytes it took.
  std::uint64_t fill(Lane& to, SourceId of, std::size_t line_bytes = 200) {
    std::uint64_t sum = 0;
    while (const std::uint64_t room = sink_->room(to)) {
      const std::uint64_t bytes = std::min<std::uint64_t>(room, sink_->read_bytes_best());
      const std::size_t lines = std::max<std::size_t>(bytes / (line_bytes + 1), 1);
      driver_->publish(to, of, std::vector<std::string>(lines, std::string(line_bytes, 'x')), now_);
      sum += lines * (line_bytes + 1);
    }
    return sum;
  }
  std::string spooled() {
    std::ifstream file(directory_ + "/rejected/main.spool");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string directory_;
  SinkConfig config_;
  AgentConfig agent_;
  SystemFileSystem files_;
  InlineWorkers workers_;
  FakeKafka kafka_;
  SecretFiles::TrySettings try_settings_;
  std::unique_ptr<KafkaSink> sink_;
  std::unique_ptr<SinkDriver> driver_;
  Instant now_{std::chrono::hours(1)};
};

}  // namespace tailrace
