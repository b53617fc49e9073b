#include "agent/http_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

#include "agent/http_connections.h"
#include "agent/http_listener.h"
#include "base/event_fd.h"
#include "base/signals_blocked.h"

namespace tailrace {

namespace {

constexpr int kAcceptAtOnce = 16;                                  // then those that came before are served
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // when there is no descriptor or no room

enum class Ready : std::uint8_t { listener, requests, answers, stop };

// Accepts, closes the oldest when there are too many, and lets HttpConnections do the rest: one thread.
class EpollHttpServer final : public HttpServer {
 public:
  EpollHttpServer(LoopQuestions& loop, HttpRoutes routes) : loop_(loop), connections_(loop, std::move(routes)) {}
  ~EpollHttpServer() override {
    if (!thread_.joinable()) return;
    stop_.signal();
    thread_.join();
  }

  Status run(UniqueFd listener) {
    Result<std::string> address = bound_address(listener.get());
    if (!address) return std::move(address).error();
    address_ = std::move(*address);
    listener_ = std::move(listener);
    if (Status kept = keep_spare(); !kept) return kept;
    if (Status started = connections_.start(); !started) return started;
    epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return Error::from_errno(errno);
    for (const auto& [fd, ready] : {std::pair{listener_.get(), Ready::listener},
                                    {connections_.fd(), Ready::requests},
                                    {loop_.fd(), Ready::answers},
                                    {stop_.fd(), Ready::stop}}) {
      if (Status watched = watch(EPOLL_CTL_ADD, fd, ready, EPOLLIN); !watched) return watched;
    }
    const SignalsBlocked blocked;
    try {
      thread_ = std::thread([this] { serve(); });
    } catch (const std::system_error&) {
      return Error(ErrorKind::io, "the HTTP thread cannot be started");
    }
    return {};
  }

  const std::string& address() const override { return address_; }

 private:
  Status watch(int operation, int fd, Ready ready, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u32 = static_cast<std::uint32_t>(ready);
    if (epoll_ctl(epoll_.get(), operation, fd, &event) != 0) return Error::from_errno(errno);
    return {};
  }

  void serve() {
    while (true) {
      std::array<epoll_event, 4> events;
      const int ready = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms());
      const Instant now = clock_.now();
      bool has_clients = false;
      for (int i = 0; i < ready; ++i) {
        const auto what = static_cast<Ready>(events[static_cast<std::size_t>(i)].data.u32);
        if (what == Ready::stop) return connections_.stop();
        if (what == Ready::answers) loop_.clear();
        has_clients = has_clients || what == Ready::listener;
      }
      if (accept_again_at_ <= now) listen(true);
      if (has_clients) accept_some(now);
      connections_.turn(now);
      static_cast<void>(!keep_spare());
    }
  }

  Status keep_spare() {
    if (!spare_) spare_ = UniqueFd(fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0));
    if (!spare_) return Error::from_errno(errno);
    return {};
  }

  int patience_ms() const {
    const Instant next = std::min(connections_.next_deadline(), accept_again_at_);
    if (next == kNever) return -1;
    const Duration left = std::max(next - clock_.now(), Duration::zero());
    return static_cast<int>(std::min<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left).count(), 60'000));
  }

  void accept_some(Instant now) {
    for (int i = 0; i < kAcceptAtOnce; ++i) {
      if (connections_.is_full()) {
        if (!is_waited_for()) return;
        if (!connections_.close_oldest()) return listen(false);
      }
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      UniqueFd fd(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd) {
        connections_.add(std::move(fd), from, length, now);
      } else if (errno == EAGAIN) {
        return;
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        if (!is_waited_for()) return;
        if (spare_) {
          spare_.reset();
          continue;
        }
        // One of ours for the new one. Somebody else may take it: then it goes on until there is none left.
        return connections_.close_oldest() ? void() : listen(false);
      }  // else: this client has gone already
    }
  }

  // Nobody is closed for nobody; and without a descriptor accept(2) does not look whether there is anybody.
  bool is_waited_for() const {
    pollfd waiting{listener_.get(), POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
  }

  // A listener that nobody can accept from stays readable: looking at it without a pause would take a whole core.
  void listen(bool on) {
    if (on == (accept_again_at_ == kNever)) return;
    accept_again_at_ = on ? kNever : clock_.now() + kAcceptPause;
    static_cast<void>(!watch(EPOLL_CTL_MOD, listener_.get(), Ready::listener, on ? std::uint32_t{EPOLLIN} : 0));
  }

  const SystemClock clock_;
  LoopQuestions& loop_;
  HttpConnections connections_;
  EventFd stop_;
  UniqueFd listener_, epoll_;
  UniqueFd spare_;  // given up for a client when the process has no descriptor left, taken back when there is one
  Instant accept_again_at_ = kNever;
  std::string address_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& listen, LoopQuestions& loop,
                                                      HttpRoutes routes) {
  Result<UniqueFd> listener = listen_on(listen);
  if (!listener) return std::move(listener).error();
  auto server = std::make_unique<EpollHttpServer>(loop, std::move(routes));
  if (Status running = server->run(std::move(*listener)); !running) return std::move(running).error();
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace tailrace
