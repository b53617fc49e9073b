// UringEngine: requests as io_uring operations, many in one system call.
//
//   submit ──▶ pending ──flush──▶ kernel ──reap──▶ completed ──dispatch──▶ clients
//
// Wins where files are cold (a restart, a backlog, an outage made good): the disk sees up to 64 reads at once from one
// thread. On cached files it is about as fast as pread. One ring, made, used and destroyed on the loop thread: the
// kernel refuses other threads (IORING_SETUP_SINGLE_ISSUER).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/event_fd.h"
#include "tailers/blocking_io.h"

namespace tailrace {

class UringEngine final : public IoEngine {
 public:
  static constexpr std::size_t kDepth = 64;

  // `permission` (seccomp, kernel.io_uring_disabled), `unsupported` (no such call), or what io_uring_setup says.
  static Result<std::unique_ptr<UringEngine>> create();

  // Stops; what hangs is cancelled as far as the kernel can.
  ~UringEngine() override;

  void submit(const IoRequest& request) override;
  void flush() override;
  std::size_t dispatch(Instant now) override;
  bool stop() override;
  int fd() const override { return wake_.fd(); }
  std::size_t in_flight() const override { return in_flight_; }
  std::size_t depth() const override { return kDepth; }
  std::string_view name() const override { return "io_uring"; }

 private:
  struct Ring;
  struct Slot {
    IoRequest request;           // of a write: what is left of it
    std::uint32_t done = 0;      // bytes written by earlier rounds
    std::uint32_t attempts = 0;  // rounds that ended in "not now"
  };

  explicit UringEngine(std::unique_ptr<Ring> ring);
  bool can_start() const;
  void start_pending();
  void enter();
  bool needs_enter() const;
  void collect();
  void reap();
  void finish_round(std::uint32_t index, std::int64_t result);
  void complete(std::uint32_t index, std::int64_t result);
  void retry(std::uint32_t index);

  EventFd wake_;  // before the ring: outlives it
  std::unique_ptr<Ring> ring_;
  std::vector<Slot> slots_;  // by index, the ring's user_data
  std::vector<std::uint32_t> free_slots_;
  std::deque<std::uint32_t> pending_;    // not yet in the submission queue; a retried one goes first
  std::vector<IoCompletion> completed_;  // reaped; `wake_` is readable meanwhile
  std::size_t in_kernel_ = 0;            // in the submission queue or further, not yet reaped
  std::size_t in_flight_ = 0;
  bool is_hung_ = false;  // stopped, and something did not end
};

}  // namespace tailrace
