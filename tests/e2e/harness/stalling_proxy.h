// StallingProxy: a network between a client and a server on 127.0.0.1 that can be slow, or swallow everything.
//
//   client ──▶ port() ──▶ held until it is due, and nothing stalls ──▶ the server      and the same way back
//
// While it stalls nothing is forwarded in either direction, an end of a connection neither; what it is given it keeps
// (up to 64 MiB a direction, then TCP holds it up) and forwards afterwards, in order. One thread of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tailrace::e2e {

class StallingProxy {
 public:
  // Where to is said later: a broker must know the proxy's port before it starts.
  StallingProxy();
  ~StallingProxy();
  StallingProxy(const StallingProxy&) = delete;
  StallingProxy& operator=(const StallingProxy&) = delete;

  std::uint16_t port() const { return port_; }
  void forward_to(std::uint16_t port);  // of 127.0.0.1; before that, clients wait
  void stall();
  void let_go();
  void delay(std::chrono::microseconds one_way);  // of what comes from now on: half of a round trip

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Piece {
    std::string bytes;  // empty: the end
    Time due;
  };
  struct Direction {
    int from = -1;
    int to = -1;
    std::deque<Piece> held = {};
    std::size_t held_bytes = 0;
    std::size_t sent = 0;  // of the first piece
    bool is_read = false;  // to its end
    bool is_over = false;
  };
  struct Connection {
    Direction directions[2];
    bool is_broken = false;
  };
  struct Orders {
    bool stops = false;
    bool stalls = false;
    std::uint16_t target = 0;
    std::chrono::microseconds one_way{0};
  };

  void run();
  void wait_for_something(const Orders& orders);
  void accept_all(const Orders& orders);
  bool receive(Direction& direction, const Orders& orders);  // false: the connection is broken
  static bool forward(Direction& direction);
  template <class Change>
  void order(Change&& change);

  int listener_;
  std::uint16_t port_;
  int wake_;
  std::vector<std::unique_ptr<Connection>> connections_;  // of the thread, as is `received_`
  std::vector<char> received_;
  std::mutex mutex_;
  Orders orders_;
  std::thread thread_;
};

}  // namespace tailrace::e2e
