// HttpConnections: the clients of the HTTP port and their requests (libmicrohttpd; docs/decisions/0008 says why).
//
//   add ─▶ headers ─▶ request ─┬───────────────────────▶ answer, a piece at a time ─▶ the next request
//                              └─ the loop is asked ───▶ (suspended until it answers, or its patience is over)
//
// Nothing here waits. Whoever has not moved for longest (a whole request sent, a piece of an answer taken) is the first
// to be closed when room is needed. What is held for clients that do not read is bounded together. One thread.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <memory>

#include "agent/http_routes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace tailrace {

// All that HTTP has open at most: clients (those too that are just being closed), the listener, epolls and eventfds.
inline constexpr std::size_t kHttpClientsMax = 64;
inline constexpr std::size_t kHttpDescriptorsMax = kHttpClientsMax + 24;

class HttpConnections {
 public:
  // `loop` must live longer.
  HttpConnections(LoopQuestions& loop, HttpRoutes routes);
  ~HttpConnections();
  HttpConnections(const HttpConnections&) = delete;
  HttpConnections& operator=(const HttpConnections&) = delete;

  Status start();
  void stop();  // closes all
  void add(UniqueFd client, const sockaddr_storage& from, socklen_t from_bytes, Instant now);
  bool is_full() const;
  // False: each of them is being answered by the loop, or there is none.
  bool close_oldest();

  int fd() const;  // readable when a client has something to say
  Instant next_deadline() const;
  void turn(Instant now);

 private:
  class Daemon;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace tailrace
