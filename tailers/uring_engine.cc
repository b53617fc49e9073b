#include "tailers/uring_engine.h"

#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/check.h"

namespace tailrace {
namespace {

// The completion queue is twice as long as this and never overflows: no more than this is ever in the kernel.
constexpr unsigned kRingEntries = 128;
constexpr std::uint32_t kAttemptsMax = 1000;
constexpr int kStopWaitSeconds = 5;

// The best first; each needs a newer kernel than the next: 6.1, 6.0, 5.19, 5.6.
constexpr std::array<unsigned, 4> kFlagSets = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    0,
};

Error refusal(int sys_errno) {
  if (sys_errno == ENOSYS) return Error(ErrorKind::unsupported, "this kernel has no io_uring");
  if (sys_errno == EPERM || sys_errno == EACCES) {
    return Error(ErrorKind::permission,
                 "io_uring is not permitted here (a seccomp profile, or kernel.io_uring_disabled)");
  }
  if (sys_errno == ENOMEM)
    return Error::from_errno(sys_errno).during("set up", "io_uring (ulimit -l may be too small)");
  return Error::from_errno(sys_errno).during("set up", "io_uring");
}

open_how how_to_open(int more_flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(O_RDONLY | O_NOCTTY | O_CLOEXEC | more_flags);
  how.resolve = RESOLVE_NO_SYMLINKS;
  return how;
}

void prepare(io_uring_sqe* sqe, const IoRequest& r, bool is_open_blocking) {
  switch (r.op) {
    case IoRequest::Op::open: {
      // After "would block", which of a regular file means another process's lease: wait for it in a kernel thread.
      static open_how blocking = how_to_open(0), now = how_to_open(O_NONBLOCK);
      io_uring_prep_openat2(sqe, AT_FDCWD, r.path, is_open_blocking ? &blocking : &now);
      return;
    }
    case IoRequest::Op::read:
      io_uring_prep_read(sqe, r.fd, r.buffer, r.bytes, r.offset);
      return;
    case IoRequest::Op::write:
      io_uring_prep_write(sqe, r.fd, r.buffer, r.bytes, r.offset);
      return;
    case IoRequest::Op::sync_data:
      io_uring_prep_fsync(sqe, r.fd, IORING_FSYNC_DATASYNC);
      return;
  }
}

}  // namespace

struct UringEngine::Ring {
  io_uring ring{};
  bool is_open = false;

  ~Ring() {
    if (is_open) ::io_uring_queue_exit(&ring);
  }
};

Result<std::unique_ptr<UringEngine>> UringEngine::create() {
  auto ring = std::make_unique<Ring>();
  int result = -EINVAL;
  for (const unsigned flags : kFlagSets) {
    ring->ring = {};
    result = ::io_uring_queue_init(kRingEntries, &ring->ring, flags);
    if (result != -EINVAL) break;
  }
  if (result < 0) return refusal(-result);
  ring->is_open = true;
  std::unique_ptr<UringEngine> engine(new UringEngine(std::move(ring)));
  // The plain registration: io_uring_register_eventfd_async leaves out what completes within the submit, and epoll on
  // the ring's own descriptor never wakes under DEFER_TASKRUN.
  result = ::io_uring_register_eventfd(&engine->ring_->ring, engine->wake_.fd());
  if (result < 0) return refusal(-result);
  return engine;
}

UringEngine::UringEngine(std::unique_ptr<Ring> ring) : ring_(std::move(ring)) {}

UringEngine::~UringEngine() { stop(); }

bool UringEngine::stop() {
  pending_.clear();
  __kernel_timespec left = {.tv_sec = kStopWaitSeconds, .tv_nsec = 0};
  while (in_kernel_ > 0 && !is_hung_) {
    io_uring_cqe* cqe = nullptr;
    // Submits first what is still in the submission queue.
    const int result = ::io_uring_submit_and_wait_timeout(&ring_->ring, &cqe, 1, &left, nullptr);
    is_hung_ = result < 0 && result != -EINTR;
    if (is_hung_) break;
    reap();
    pending_.clear();  // no retries
  }
  completed_.clear();
  in_flight_ = in_kernel_;
  return !is_hung_;
}

void UringEngine::submit(const IoRequest& request) {
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[index] = {.request = request};
  pending_.push_back(index);
  ++in_flight_;
}

void UringEngine::flush() {
  // Again while rounds make room: what is cached completes within the submit. Ends when nothing is left, or the kernel
  // is full of requests that wait for the disk.
  while (can_start()) {
    start_pending();
    enter();
    reap();
    if (::io_uring_sq_ready(&ring_->ring) > 0)
      return;  // the kernel takes no more now; enter() arranged for another try
  }
}

bool UringEngine::can_start() const {
  return (!pending_.empty() && in_kernel_ < kRingEntries) || ::io_uring_sq_ready(&ring_->ring) > 0;
}

// pending -> submission queue.
void UringEngine::start_pending() {
  while (!pending_.empty() && in_kernel_ < kRingEntries) {
    io_uring_sqe* const sqe = ::io_uring_get_sqe(&ring_->ring);
    if (sqe == nullptr) return;  // full: they stay in pending_
    const std::uint32_t index = pending_.front();
    const Slot& slot = slots_[index];
    pending_.pop_front();
    prepare(sqe, slot.request, slot.attempts > 0);
    // "Not now" once: to a kernel thread, which waits.
    if (slot.attempts > 0) ::io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
    sqe->user_data = index;
    ++in_kernel_;
  }
}

// One system call for all that is in the submission queue.
void UringEngine::enter() {
  int result = 0;
  do {
    result = ::io_uring_submit(&ring_->ring);
  } while (result == -EINTR);
  // EAGAIN, EBUSY, ENOMEM: the kernel is short of memory. Its entries stay in the submission queue; the eventfd makes
  // the loop come back and try again.
  if (::io_uring_sq_ready(&ring_->ring) > 0) wake_.signal();
}

// The kernel has completions for us that it shows only after a call.
bool UringEngine::needs_enter() const {
  return (IO_URING_READ_ONCE(*ring_->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

// Everything that is complete, and a quiet eventfd after it unless something completed meanwhile.
//
// io_uring_get_events itself signals the eventfd for what it brings, so the eventfd is cleared after it. What completes
// between the two and loses its signal that way has set TASKRUN before it signalled: it is seen by the second look,
// after which nothing is cleared any more. The kernel may also signal late, for what was reaped already: so the eventfd
// is cleared whether or not anything is awaited, or a level-triggered loop would spin.
//
// TASKRUN may stay set with nothing behind it: the kernel sets it after it has queued the work, and when we have run
// that in between, nobody takes the flag back before the next work is done. So two looks, and no loop over the flag.
void UringEngine::collect() {
  if (needs_enter()) ::io_uring_get_events(&ring_->ring);
  wake_.clear();
  reap();
  if (!needs_enter()) return;
  ::io_uring_get_events(&ring_->ring);
  reap();
}

void UringEngine::reap() {
  std::array<io_uring_cqe*, kRingEntries> batch;
  unsigned n = 0;
  while ((n = ::io_uring_peek_batch_cqe(&ring_->ring, batch.data(), batch.size())) > 0) {
    for (unsigned i = 0; i < n; ++i) {
      --in_kernel_;
      finish_round(static_cast<std::uint32_t>(batch[i]->user_data), batch[i]->res);
    }
    ::io_uring_cq_advance(&ring_->ring, n);
  }
}

void UringEngine::finish_round(std::uint32_t index, std::int64_t result) {
  Slot& slot = slots_[index];
  if (result == -EINTR) {  // before it did anything
    retry(index);
  } else if (result == -EAGAIN) {
    // Of a regular file: one opened O_NONBLOCK on a file system that cannot tell (older kernels' overlay, FUSE).
    ++slot.attempts;
    if (slot.attempts < kAttemptsMax) {
      retry(index);
    } else {
      complete(index, -EIO);
    }
  } else if (slot.request.op == IoRequest::Op::write && result > 0 && result < slot.request.bytes) {
    const auto n = static_cast<std::uint32_t>(result);
    slot.done += n;
    slot.request.buffer += n;
    slot.request.bytes -= n;
    slot.request.offset += n;
    retry(index);
  } else {
    complete(index, result >= 0 ? result + slot.done : result);
  }
}

void UringEngine::retry(std::uint32_t index) { pending_.push_front(index); }

void UringEngine::complete(std::uint32_t index, std::int64_t result) {
  const IoRequest& r = slots_[index].request;
  completed_.push_back({.client = r.client, .token = r.token, .result = result});
  free_slots_.push_back(index);
}

std::size_t UringEngine::dispatch(Instant now) {
  collect();
  std::vector<IoCompletion> taken;
  taken.swap(completed_);
  // What waited for room, or for another try, starts before the clients run: nobody else might flush any more.
  flush();
  for (const IoCompletion& c : taken) {
    --in_flight_;
    c.client->on_io_done(c.token, c.result, now);
  }
  return taken.size();
}

}  // namespace tailrace
