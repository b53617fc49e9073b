// The three real engines on a real disk: EngineSuite, and what only a kernel shows.
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/unique_fd.h"
#include "tailers/sync_engine.h"
#include "tailers/thread_engine.h"
#include "tailers/uring_engine.h"
#include "tests/tailers/engine_suite.h"
#include "tests/tailers/temporary_directory.h"

namespace tailrace {
namespace {

using MakeEngine = Result<std::unique_ptr<IoEngine>> (*)();

template <class Engine>
Result<std::unique_ptr<IoEngine>> from(Result<std::unique_ptr<Engine>> made) {
  if (!made) return std::move(made).error();
  return std::unique_ptr<IoEngine>(*std::move(made));
}
Result<std::unique_ptr<IoEngine>> make_sync() { return std::unique_ptr<IoEngine>(std::make_unique<SyncEngine>()); }
Result<std::unique_ptr<IoEngine>> make_threads() { return from(ThreadEngine::create()); }
Result<std::unique_ptr<IoEngine>> make_uring() { return from(UringEngine::create()); }

template <MakeEngine make>
class RealWorld {
 public:
  RealWorld() {
    Result<std::unique_ptr<IoEngine>> made = make();
    if (made) {
      engine_ = *std::move(made);
    } else {
      why_not_ = made.error().text();
    }
  }
  std::string why_not() const { return why_not_; }
  IoEngine& engine() { return *engine_; }
  std::string put(const std::string& name, const std::string& bytes) {
    directory_.append(name, bytes);
    return directory_.path(name);
  }
  // Out of the page cache, as far as the file system lets go of it.
  void make_cold(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ::fsync(fd.get());
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  std::string content(const std::string& name) {
    std::ifstream file(directory_.path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  int open_write(const std::string& name) {
    writers_.emplace_back(::open(directory_.path(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    return writers_.back().get();
  }
  void close(int fd) { ::close(fd); }
  std::string fifo(const std::string& name) {
    const std::string path = directory_.path(name);
    return ::mkfifo(path.c_str(), 0600) == 0 ? path : "";
  }
  bool wait() { return is_readable(30'000); }
  bool is_readable(int wait_ms) {
    pollfd ready = {.fd = engine_->fd(), .events = POLLIN, .revents = 0};
    return ::poll(&ready, 1, wait_ms) > 0;
  }
  void destroy_engine() { engine_.reset(); }

 private:
  TemporaryDirectory directory_;
  std::vector<UniqueFd> writers_;
  std::unique_ptr<IoEngine> engine_;
  std::string why_not_;
};

using Uring = RealWorld<make_uring>;
using Threads = RealWorld<make_threads>;
using Sync = RealWorld<make_sync>;

struct EngineNames {
  template <class World>
  static std::string GetName(int) {
    if (std::is_same_v<World, Uring>) return "uring";
    return std::is_same_v<World, Threads> ? "threads" : "sync";
  }
};

using RealWorlds = ::testing::Types<Uring, Threads, Sync>;
INSTANTIATE_TYPED_TEST_SUITE_P(Real, EngineSuite, RealWorlds, EngineNames);

template <class World>
class RealEngine : public EngineSuite<World> {};
TYPED_TEST_SUITE(RealEngine, RealWorlds, EngineNames);

TYPED_TEST(RealEngine, OpensWithoutWaitingAndCloseOnExec) {
  const int fd = this->open(this->world_.put("a.log", "x"));
  ASSERT_GE(fd, 0);
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  ::close(fd);
}

TYPED_TEST(RealEngine, ReadsColdFilesManyAtOnce) {
  constexpr std::size_t kFiles = 200;
  std::vector<std::string> paths, texts;
  for (std::size_t i = 0; i < kFiles; ++i) {
    texts.push_back("file " + std::to_string(i) + " " + numbered_bytes(10'000));
    paths.push_back(this->world_.put(std::to_string(i) + ".log", texts.back()));
    this->world_.make_cold(paths.back());
  }
  std::vector<std::uint64_t> opens;
  for (const std::string& path : paths)
    opens.push_back(this->submit({.op = IoRequest::Op::open, .path = path.c_str()}));
  this->finish();
  std::vector<std::vector<std::byte>> buffers(kFiles, std::vector<std::byte>(20'000));
  std::vector<std::uint64_t> reads;
  std::vector<UniqueFd> fds;
  for (std::size_t i = 0; i < kFiles; ++i) {
    fds.emplace_back(static_cast<int>(this->results_.at(opens[i])));
    ASSERT_GE(fds.back().get(), 0) << i;
    reads.push_back(this->submit_read(fds.back().get(), buffers[i].data(), 20'000, 0));
  }
  this->finish();
  for (std::size_t i = 0; i < kFiles; ++i) {
    const auto n = static_cast<std::size_t>(this->results_.at(reads[i]));
    // A cached first page and a cold second one may come as two reads: what comes is right, and the rest follows.
    ASSERT_GT(n, 0U);
    std::string got(reinterpret_cast<const char*>(buffers[i].data()), n);
    while (got.size() < texts[i].size()) {
      const std::string more = this->read(fds[i].get(), 20'000, got.size());
      ASSERT_FALSE(more.empty()) << i;
      got += more;
    }
    ASSERT_EQ(got, texts[i]);
  }
}

// A level-triggered loop must come to rest: with nothing in flight the descriptor falls silent.
TYPED_TEST(RealEngine, FallsSilentWhenNothingIsInFlight) {
  const int fd = this->world_.open_write("journal");
  std::byte byte{};
  for (std::uint64_t i = 0; i < 50; ++i) {
    this->submit({.op = IoRequest::Op::write, .fd = fd, .buffer = &byte, .bytes = 1, .offset = i});
    this->submit({.op = IoRequest::Op::sync_data, .fd = fd});
    this->submit_read(fd, &byte, 1, 0);
    this->finish();
    // A signal may come late, for what was handed back already: one dispatch takes it.
    int turns = 0;
    while (this->world_.is_readable(0) && turns < 100) {
      EXPECT_EQ(this->engine().dispatch(this->now_), 0U);
      ++turns;
    }
    EXPECT_LE(turns, 3);
  }
}

// Where the rings of this process are mapped. One mapping holds a ring's submission and completion queue.
std::set<std::uintptr_t> mapped_rings() {
  std::set<std::uintptr_t> rings;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(" 00000000 ") != std::string::npos && line.find("[io_uring]") != std::string::npos)
      rings.insert(std::stoull(line, nullptr, 16));
  }
  return rings;
}

// The kernel may leave IORING_SQ_TASKRUN set though there is nothing to run: an engine that looped over it hung there.
TEST(UringEngine, AFlagThatStaysSetWithNothingBehindItHoldsNobodyUp) {
  const std::set<std::uintptr_t> before = mapped_rings();
  Result<std::unique_ptr<UringEngine>> engine = UringEngine::create();
  if (!engine) GTEST_SKIP() << engine.error().text();
  std::set<std::uintptr_t> after = mapped_rings();
  for (const std::uintptr_t old : before) after.erase(old);
  ASSERT_EQ(after.size(), 1u);
  // Where in its mapping a ring's flags are, only a ring of our own tells.
  io_uring own{};
  ASSERT_EQ(::io_uring_queue_init(128, &own, 0), 0);
  const auto offset =
      reinterpret_cast<std::uintptr_t>(own.sq.kflags) - reinterpret_cast<std::uintptr_t>(own.sq.ring_ptr);
  ::io_uring_queue_exit(&own);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel has mapped the ring there
  auto* const flags = reinterpret_cast<unsigned*>(*after.begin() + offset);
  *flags |= IORING_SQ_TASKRUN;
  EXPECT_EQ((*engine)->dispatch(Instant{}), 0u);
}

TYPED_TEST(RealEngine, AReadOfADirectoryIsAnErrno) {
  const std::string path = this->world_.put("sub/a.log", "x");
  const int fd = this->open(std::filesystem::path(path).parent_path());
  ASSERT_GE(fd, 0);
  EXPECT_EQ(this->read(fd, 10, 0), "errno " + std::to_string(EISDIR));
  ::close(fd);
}

}  // namespace
}  // namespace tailrace
