#include "agent/event_loop.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace tailrace {

namespace {

sigset_t loop_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

Error last_error(const char* call) { return Error::from_errno(errno).during(call, "the event loop"); }

}  // namespace

void block_signals() {
  // A shell's background job inherits an ignored SIGINT; here each of the three has its meaning.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = loop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void unblock_signals() {
  const sigset_t set = loop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Result<std::unique_ptr<EventLoop>> EventLoop::create(const Clock& clock) {
  std::unique_ptr<EventLoop> loop(new EventLoop(clock));
  loop->epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return last_error("epoll_create");
  loop->timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!loop->timer_) return last_error("timerfd_create");
  const sigset_t set = loop_signals();
  loop->signals_ = UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!loop->signals_) return last_error("signalfd");

  EventLoop* self = loop.get();
  Status status = loop->watch(loop->timer_.get(), [self](Instant) {
    std::uint64_t expirations = 0;
    static_cast<void>(!::read(self->timer_.get(), &expirations, sizeof expirations));
    self->armed_ = kNever;
  });
  if (status) status = loop->watch(loop->signals_.get(), [self](Instant now) { self->read_signals(now); });
  if (!status) return std::move(status).error();
  return loop;
}

Status EventLoop::watch(int fd, std::function<void(Instant)> on_readable) {
  if (fd < 0) return {};
  auto watched = std::make_unique<Watched>(Watched{fd, std::move(on_readable)});
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = watched.get();
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return last_error("epoll_ctl");
  watched_.push_back(std::move(watched));
  return {};
}

void EventLoop::run(const std::function<void(Instant, WallTime)>& turn, const std::function<Instant()>& next_deadline) {
  is_stopped_ = false;
  while (true) {
    turn(clock_.now(), clock_.wall());
    if (is_stopped_) return;
    sleep_until(next_deadline());
    if (is_stopped_) return;
  }
}

void EventLoop::sleep_until(Instant deadline) {
  std::array<epoll_event, 32> events;
  const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), arm(deadline));
  // EINTR (a stop and continue, a debugger) is a wake-up like any other.
  TR_ASSERT(ready >= 0 || errno == EINTR, "epoll_wait: errno {}", errno);
  const Instant now = clock_.now();
  for (int i = 0; i < ready; ++i) {
    const auto* watched = static_cast<const Watched*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (watched->on_readable) watched->on_readable(now);
  }
}

// The timer stays armed when it fires no later than it must: deadlines mostly move back a little each turn, and one
// early wake-up is cheaper than a system call a turn.
int EventLoop::arm(Instant deadline) {
  if (deadline == kNever) return -1;
  const Instant now = clock_.now();
  if (deadline <= now) return 0;
  if (armed_ != kNever && armed_ <= deadline) return -1;
  const auto left = (deadline - now).count();
  itimerspec spec{};
  spec.it_value.tv_sec = left / 1'000'000'000;
  spec.it_value.tv_nsec = left % 1'000'000'000;
  const int failed = timerfd_settime(timer_.get(), 0, &spec, nullptr);
  TR_ASSERT(failed == 0, "timerfd_settime({} ns): errno {}", left, errno);
  armed_ = deadline;
  return -1;
}

void EventLoop::read_signals(Instant now) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (on_signal_) on_signal_(static_cast<int>(info.ssi_signo), now);
  }
}

}  // namespace tailrace
