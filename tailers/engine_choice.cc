#include "tailers/engine_choice.h"

#include <poll.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "tailers/sync_engine.h"
#include "tailers/thread_engine.h"
#include "tailers/uring_engine.h"

namespace tailrace {
namespace {

constexpr std::string_view kProbeText = "tailrace";

class ProbeClient final : public IoClient {
 public:
  void on_io_done(std::uint64_t, std::int64_t result, Instant) override { result_ = result; }
  std::int64_t result() const { return result_; }

 private:
  std::int64_t result_ = -ETIMEDOUT;
};

// One request through the engine, waited for. -ETIMEDOUT: the ring took it and never answered.
std::int64_t perform(IoEngine& engine, IoRequest request) {
  constexpr int kWaitMs = 1000;
  constexpr int kWaitsMax = 5;
  ProbeClient client;
  request.client = &client;
  engine.submit(request);
  engine.flush();
  for (int i = 0; i < kWaitsMax && engine.dispatch(Instant{}) == 0; ++i) {
    pollfd ready = {.fd = engine.fd(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, kWaitMs);
  }
  return client.result();
}

// Does what the agent will do, on a file in memory: a kernel may have rings and refuse single operations in them.
Status probe(IoEngine& engine) {
  const UniqueFd memory(::memfd_create("tailrace-probe", MFD_CLOEXEC));
  if (!memory) return Error::from_errno(errno).during("memfd_create", "for the probe");
  std::array<std::byte, kProbeText.size()> buffer{};
  std::memcpy(buffer.data(), kProbeText.data(), kProbeText.size());
  IoRequest request = {.fd = memory.get(), .buffer = buffer.data(), .bytes = static_cast<std::uint32_t>(buffer.size())};
  const auto whole = static_cast<std::int64_t>(buffer.size());
  const auto failed = [](const char* verb, std::int64_t result) {
    return Error::from_errno(result < 0 ? static_cast<int>(-result) : EIO).during(verb, "through io_uring");
  };

  request.op = IoRequest::Op::write;
  if (const std::int64_t n = perform(engine, request); n != whole) return failed("write", n);
  request.op = IoRequest::Op::sync_data;
  if (const std::int64_t n = perform(engine, request); n != 0) return failed("sync", n);
  // There everywhere, and no symlink on the way: as files are opened.
  const std::int64_t fd = perform(engine, {.op = IoRequest::Op::open, .path = "/"});
  if (fd < 0) return failed("open", fd);
  const UniqueFd opened(static_cast<int>(fd));
  buffer.fill(std::byte{0});
  request.op = IoRequest::Op::read;
  const std::int64_t n = perform(engine, request);
  if (n != whole || std::memcmp(buffer.data(), kProbeText.data(), buffer.size()) != 0) return failed("read", n);
  return {};
}

Result<std::unique_ptr<IoEngine>> make_uring() {
  Result<std::unique_ptr<UringEngine>> engine = UringEngine::create();
  if (!engine) return std::move(engine).error();
  if (Status works = probe(**engine); !works) return std::move(works).error();
  return std::unique_ptr<IoEngine>(std::move(*engine));
}

Result<EngineChosen> threads_because(const std::string& reason) {
  Result<std::unique_ptr<ThreadEngine>> engine = ThreadEngine::create();
  if (!engine) return std::move(engine).error();
  return EngineChosen{.engine = std::move(*engine), .reason = "reading files with threads: " + reason};
}

Result<EngineChosen> automatic() {
  Result<std::unique_ptr<IoEngine>> uring = make_uring();
  if (uring) return EngineChosen{.engine = std::move(*uring), .reason = "reading files with io_uring: it works here"};
  return threads_because(uring.error().text());
}

Result<EngineChosen> only_uring() {
  Result<std::unique_ptr<IoEngine>> uring = make_uring();
  if (!uring) {
    const Error error = std::move(uring).error();
    return Error(error.kind(), error.text() + R"(; set engine = "auto" or "threads")").during("use engine", "io_uring");
  }
  return EngineChosen{.engine = std::move(*uring), .reason = "reading files with io_uring: the config says so"};
}

}  // namespace

Result<EngineChosen> choose_engine(EngineChoice wanted) {
  switch (wanted) {
    case EngineChoice::automatic:
      return automatic();
    case EngineChoice::io_uring:
      return only_uring();
    case EngineChoice::threads:
      return threads_because("the config says so");
    case EngineChoice::sync:
      return EngineChosen{.engine = std::make_unique<SyncEngine>(),
                          .reason = "reading files one call after the other: the config says so"};
  }
  TR_ASSERT(false, "engine choice {}", static_cast<int>(wanted));
}

std::vector<std::string> allowed_engines() {
  std::vector<std::string> names;
  if (make_uring()) names.emplace_back("io_uring");
  names.emplace_back("threads");
  names.emplace_back("sync");
  return names;
}

}  // namespace tailrace
