// EngineSuite: what every IoEngine promises, run alike on the real ones and on the simulated one.
//
// The type parameter is a world: a disk with an engine on it.
//
//   struct World {
//     std::string why_not() const;                              // not empty: this machine cannot; the test is skipped
//     IoEngine& engine();
//     std::string put(const std::string& name, const std::string& bytes);  // makes a file, returns its path
//     std::string content(const std::string& name);
//     int open_write(const std::string& name);                  // the world closes it at its end
//     void close(int fd);
//     std::string fifo(const std::string& name);                // "": the world has none
//     bool wait();                                              // until engine().fd() is readable; false: it hangs
//     void destroy_engine();
//   };
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/io_engine.h"

namespace tailrace {

template <class World>
class EngineSuite : public ::testing::Test, public IoClient {
 protected:
  void SetUp() override {
    if (!world_.why_not().empty()) GTEST_SKIP() << world_.why_not();
  }

  void on_io_done(std::uint64_t token, std::int64_t result, Instant now) override {
    EXPECT_TRUE(results_.emplace(token, result).second) << "token " << token << " twice";
    last_now_ = now;
    if (then_) then_(token, result);
  }

  IoEngine& engine() { return world_.engine(); }

  // Submits, with the token that it returns.
  std::uint64_t submit(IoRequest request) {
    request.client = this;
    request.token = next_token_++;
    engine().submit(request);
    return request.token;
  }
  std::uint64_t submit_read(int fd, std::byte* into, std::uint32_t bytes, std::uint64_t offset) {
    return submit({.op = IoRequest::Op::read, .fd = fd, .buffer = into, .bytes = bytes, .offset = offset});
  }

  // Until nothing is in flight. A lost wake-up, or a lost request, ends in a failure here.
  void finish() {
    while (engine().in_flight() > 0) {
      engine().flush();
      if (engine().dispatch(now_) > 0) continue;
      ASSERT_TRUE(world_.wait()) << engine().in_flight() << " in flight";
    }
  }
  std::int64_t perform(IoRequest request) {
    const std::uint64_t token = submit(request);
    finish();
    return results_.at(token);
  }
  int open(const std::string& path) {
    return static_cast<int>(perform({.op = IoRequest::Op::open, .path = path.c_str()}));
  }
  // What one read gives, or "errno N".
  std::string read(int fd, std::uint32_t bytes, std::uint64_t offset) {
    std::vector<std::byte> into(bytes + 1);
    const std::int64_t n =
        perform({.op = IoRequest::Op::read, .fd = fd, .buffer = into.data(), .bytes = bytes, .offset = offset});
    if (n < 0) return "errno " + std::to_string(-n);
    return {reinterpret_cast<const char*>(into.data()), static_cast<std::size_t>(n)};
  }

  World world_;
  std::map<std::uint64_t, std::int64_t> results_;  // by token
  std::function<void(std::uint64_t, std::int64_t)> then_;
  Instant now_{std::chrono::seconds(7)};
  Instant last_now_{};
  std::uint64_t next_token_ = 1;
};

// Bytes that say where they are: a read of the wrong place is seen.
inline std::string numbered_bytes(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += std::to_string(text.size()) + "\n";
  text.resize(bytes);
  return text;
}

TYPED_TEST_SUITE_P(EngineSuite);

TYPED_TEST_P(EngineSuite, ReadsAWholeFile) {
  const std::string text = numbered_bytes(100'000);
  const int fd = this->open(this->world_.put("a.log", text));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(this->read(fd, 100'000, 0), text);
  this->world_.close(fd);
}

TYPED_TEST_P(EngineSuite, ReadsFewerBytesAtTheEndOfTheFileAndNoneBehindIt) {
  const int fd = this->open(this->world_.put("a.log", "0123456789"));
  EXPECT_EQ(this->read(fd, 4, 3), "3456");
  EXPECT_EQ(this->read(fd, 64, 6), "6789");
  EXPECT_EQ(this->read(fd, 64, 10), "");
  EXPECT_EQ(this->read(fd, 64, 1'000'000), "");
  this->world_.close(fd);
}

TYPED_TEST_P(EngineSuite, OpenOfNothingIsAnErrno) {
  const std::string there = this->world_.put("a.log", "x");
  EXPECT_EQ(this->open(there + ".none"), -ENOENT);
  EXPECT_EQ(this->open(there + "/below"), -ENOTDIR);
}

TYPED_TEST_P(EngineSuite, OpenOfAFifoDoesNotHang) {
  const std::string path = this->world_.fifo("fifo");
  if (path.empty()) GTEST_SKIP() << "this world has no FIFOs";
  const int fd = this->open(path);
  EXPECT_GE(fd, 0);
  if (fd >= 0) this->world_.close(fd);
}

TYPED_TEST_P(EngineSuite, ABadDescriptorIsAnErrnoForEveryOperation) {
  std::byte byte{};
  for (const IoRequest::Op op : {IoRequest::Op::read, IoRequest::Op::write, IoRequest::Op::sync_data}) {
    EXPECT_EQ(this->perform({.op = op, .fd = 999'999, .buffer = &byte, .bytes = 1}), -EBADF) << static_cast<int>(op);
  }
}

TYPED_TEST_P(EngineSuite, WritesAndSyncs) {
  const int fd = this->world_.open_write("journal");
  std::string text = numbered_bytes(300'000);
  auto* const bytes = reinterpret_cast<std::byte*>(text.data());
  EXPECT_EQ(this->perform({.op = IoRequest::Op::write, .fd = fd, .buffer = bytes, .bytes = 300'000}), 300'000);
  EXPECT_EQ(this->perform({.op = IoRequest::Op::write, .fd = fd, .buffer = bytes, .bytes = 5, .offset = 300'000}), 5);
  EXPECT_EQ(this->perform({.op = IoRequest::Op::sync_data, .fd = fd}), 0);
  EXPECT_EQ(this->world_.content("journal"), text + text.substr(0, 5));
}

// Far more than any engine's depth or ring, flushed once: none is lost, each answers for its own place.
TYPED_TEST_P(EngineSuite, AThousandReadsInFlightEachGetTheirBytes) {
  constexpr std::size_t kReads = 1'000;
  constexpr std::uint32_t kBytes = 3'000;
  const std::string text = numbered_bytes(kReads * 1'000 + kBytes);
  const int fd = this->open(this->world_.put("a.log", text));
  this->results_.clear();
  std::vector<std::vector<std::byte>> buffers(kReads, std::vector<std::byte>(kBytes));
  std::map<std::uint64_t, std::size_t> place;
  for (std::size_t i = 0; i < kReads; ++i) place[this->submit_read(fd, buffers[i].data(), kBytes, i * 1'000)] = i;
  EXPECT_EQ(this->engine().in_flight(), kReads);
  this->engine().flush();
  std::size_t dispatched = 0;
  while (this->engine().in_flight() > 0) {
    const std::size_t before = this->engine().in_flight();
    const std::size_t n = this->engine().dispatch(this->now_);
    EXPECT_EQ(before - n, this->engine().in_flight());
    dispatched += n;
    if (n > 0) continue;
    ASSERT_TRUE(this->world_.wait()) << dispatched;
  }
  EXPECT_EQ(dispatched, kReads);
  ASSERT_EQ(this->results_.size(), kReads);
  for (const auto& [token, result] : this->results_) {
    const std::size_t i = place.at(token);
    ASSERT_EQ(result, kBytes) << i;
    ASSERT_EQ(std::memcmp(buffers[i].data(), text.data() + i * 1'000, kBytes), 0) << i;
  }
  this->world_.close(fd);
}

// A client that asks for the next piece as soon as it has one, as a file being read does.
TYPED_TEST_P(EngineSuite, AClientMaySubmitFromInsideItsCompletion) {
  const std::string text = numbered_bytes(5'000);
  const int fd = this->open(this->world_.put("a.log", text));
  std::byte buffer[100];
  std::string got;
  this->then_ = [&](std::uint64_t, std::int64_t result) {
    got.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(result));
    if (result > 0) this->submit_read(fd, buffer, sizeof buffer, got.size());
  };
  this->submit_read(fd, buffer, sizeof buffer, 0);
  this->finish();
  EXPECT_EQ(got, text);
  this->then_ = nullptr;
  this->world_.close(fd);
}

TYPED_TEST_P(EngineSuite, NothingCompletesBeforeDispatchWhichPassesTheTimeOn) {
  const int fd = this->open(this->world_.put("a.log", "x"));
  this->results_.clear();
  std::byte byte{};
  this->submit_read(fd, &byte, 1, 0);
  EXPECT_TRUE(this->results_.empty());
  this->engine().flush();
  EXPECT_TRUE(this->results_.empty());
  EXPECT_EQ(this->engine().in_flight(), 1U);
  this->now_ += std::chrono::seconds(1);
  this->finish();
  EXPECT_EQ(this->results_.size(), 1U);
  EXPECT_EQ(this->last_now_, this->now_);
  EXPECT_EQ(this->engine().dispatch(this->now_), 0U);
  this->world_.close(fd);
}

// One request at a time, each waited for on the descriptor alone: a wake-up that is lost hangs here.
TYPED_TEST_P(EngineSuite, EveryCompletionWakesTheLoop) {
  const int fd = this->world_.open_write("journal");
  std::byte byte{};
  for (std::uint64_t i = 0; i < 200; ++i) {
    this->submit({.op = IoRequest::Op::write, .fd = fd, .buffer = &byte, .bytes = 1, .offset = i});
    this->submit({.op = IoRequest::Op::sync_data, .fd = fd});
    this->engine().flush();
    while (this->engine().in_flight() > 0) {
      ASSERT_TRUE(this->world_.wait()) << i;
      this->engine().dispatch(this->now_);
    }
  }
  for (const auto& [token, result] : this->results_) EXPECT_GE(result, 0) << token;
}

// Buffers belong to the engine until it is gone: under a sanitizer a late write into them is seen.
TYPED_TEST_P(EngineSuite, MayBeDestroyedWithRequestsInFlight) {
  const int fd = this->open(this->world_.put("a.log", numbered_bytes(1'000'000)));
  std::vector<std::vector<std::byte>> buffers(300, std::vector<std::byte>(3'000));
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    this->submit_read(fd, buffers[i].data(), 3'000, i * 3'000);
    if (i == 200) this->engine().flush();  // the rest is never started
  }
  this->world_.destroy_engine();
  EXPECT_LE(this->results_.size(), 1U);  // the open's
  this->world_.close(fd);
}

// Whoever owns buffers and descriptors may let them go behind it: nothing works on them any more.
TYPED_TEST_P(EngineSuite, NothingIsUsedOrHandedBackOnceItHasStopped) {
  const int fd = this->open(this->world_.put("a.log", numbered_bytes(1'000'000)));
  this->world_.put("b.log", "");
  const int out = this->world_.open_write("b.log");
  this->results_.clear();
  std::vector<std::vector<std::byte>> buffers(300, std::vector<std::byte>(3'000));
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    this->submit_read(fd, buffers[i].data(), 3'000, i * 3'000);
    this->submit({.op = IoRequest::Op::write, .fd = out, .buffer = buffers[i].data(), .bytes = 3'000, .offset = i});
    if (i == 200) this->engine().flush();
  }
  EXPECT_TRUE(this->engine().stop());
  for (std::vector<std::byte>& buffer : buffers) buffer.assign(3'000, std::byte{'X'});
  EXPECT_EQ(this->engine().in_flight(), 0U);
  EXPECT_EQ(this->engine().dispatch(this->now_), 0U);
  EXPECT_TRUE(this->results_.empty());
  EXPECT_TRUE(this->engine().stop());
  for (const std::vector<std::byte>& buffer : buffers)
    EXPECT_EQ(std::count(buffer.begin(), buffer.end(), std::byte{'X'}), 3'000);
  EXPECT_EQ(this->world_.content("b.log").find('X'), std::string::npos);
  this->world_.close(out);
  this->world_.close(fd);
}

REGISTER_TYPED_TEST_SUITE_P(EngineSuite, ReadsAWholeFile, ReadsFewerBytesAtTheEndOfTheFileAndNoneBehindIt,
                            OpenOfNothingIsAnErrno, OpenOfAFifoDoesNotHang, ABadDescriptorIsAnErrnoForEveryOperation,
                            WritesAndSyncs, AThousandReadsInFlightEachGetTheirBytes,
                            AClientMaySubmitFromInsideItsCompletion, NothingCompletesBeforeDispatchWhichPassesTheTimeOn,
                            EveryCompletionWakesTheLoop, MayBeDestroyedWithRequestsInFlight,
                            NothingIsUsedOrHandedBackOnceItHasStopped);

}  // namespace tailrace
