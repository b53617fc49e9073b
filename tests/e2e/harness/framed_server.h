// FramedServer: the network side of FaultBroker. Requests with a 32-bit length before them, on one or more ports of
// 127.0.0.1, answered one after the other on each connection, as Kafka does: the next request of a connection is not
// looked at before the last one's answer is sent. One thread for all.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tailrace::e2e {

class FramedServer {
 public:
  // Called on the server's thread with the port's index and a request; returns its answer. None: nobody waits for one.
  using OnRequest = std::function<std::optional<std::string>(int port, std::string_view request)>;

  FramedServer(int ports, OnRequest on_request);
  ~FramedServer();
  FramedServer(const FramedServer&) = delete;
  FramedServer& operator=(const FramedServer&) = delete;

  std::uint16_t port(int index) const { return ports_[static_cast<std::size_t>(index)]; }

  void freeze(bool is_frozen);                        // nothing is read: what SIGSTOP does
  void hold_answers(bool is_held);                    // requests are looked at, their answers wait
  void answer_after(std::chrono::milliseconds time);  // each request takes so long
  void disconnect();                                  // closes all connections; answers that wait are lost

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Connection {
    int fd = -1;
    int port = 0;
    std::string in;                // not yet looked at
    std::string out;               // the answer, or what is left of it
    std::optional<Time> due = {};  // there is one
    bool is_hung_up = false;       // by the client: what it sent is still served, answers go nowhere
    bool is_over = false;
  };
  struct Orders {
    bool stops = false;
    bool is_frozen = false;
    bool is_held = false;
    bool disconnects = false;
    std::chrono::milliseconds answer_time{0};
  };

  void run();
  void wait_for_something(const Orders& orders);
  void accept_all();
  void receive(Connection& connection);
  void serve(Connection& connection, const Orders& orders);
  bool serve_next(Connection& connection);
  void send(Connection& connection);
  template <class Change>
  void order(Change&& change);

  OnRequest on_request_;
  std::vector<int> listeners_;
  std::vector<std::uint16_t> ports_;
  int wake_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;  // of the thread
  std::mutex mutex_;
  Orders orders_;
  std::thread thread_;
};

}  // namespace tailrace::e2e
