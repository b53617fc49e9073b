// IoEngine: opens, reads, writes and syncs for the loop thread, many at once. A seam: io_uring, threads, sync,
// simulated.
//
// Loop thread only. `submit` queues, `flush` starts all that is queued with one system call (io_uring), `dispatch`
// hands back what is complete. Completions may come in any order. A request's buffer, path and descriptor belong to the
// engine until its completion has been handed back, or until `stop`: whoever destroys them earlier stops it first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace tailrace {

class IoClient {
 public:
  virtual ~IoClient() = default;
  // `result` is what the system call gives: bytes (fewer than asked for: the end of the file, or try the rest again)
  // or a descriptor, or -errno. EINTR and EAGAIN are dealt with inside the engine and never arrive here.
  virtual void on_io_done(std::uint64_t token, std::int64_t result, Instant now) = 0;
};

struct IoRequest {
  enum class Op : std::uint8_t {
    open,       // path -> descriptor, as FileSystem::open_resolved
    read,       // pread(fd, buffer, bytes, offset)
    write,      // pwrite(fd, buffer, bytes, offset)
    sync_data,  // fdatasync(fd)
  };
  Op op = Op::read;
  int fd = -1;
  std::byte* buffer = nullptr;  // write: only read from
  std::uint32_t bytes = 0;
  std::uint64_t offset = 0;
  const char* path = nullptr;
  IoClient* client = nullptr;
  std::uint64_t token = 0;  // the client's own
};

class IoEngine {
 public:
  virtual ~IoEngine() = default;
  virtual void submit(const IoRequest& request) = 0;
  virtual void flush() = 0;
  // Collects all completions first, then calls the clients; a client may submit from inside. Returns how many.
  virtual std::size_t dispatch(Instant now) = 0;
  // Ends it: what has not begun is dropped, what runs is waited for (5 s in which none ends at most), nothing is handed
  // back any more, and nothing may be submitted. False: something hangs (a dead NFS server) and may still use its
  // buffer and descriptor: they must stay for as long as the process does. May be called again.
  virtual bool stop() = 0;
  virtual int fd() const = 0;                 // readable when there is something to dispatch; -1: never waits
  virtual std::size_t in_flight() const = 0;  // submitted and not yet handed back
  virtual std::size_t depth() const = 0;      // how many reads in flight are useful: 1 for sync
  virtual std::string_view name() const = 0;  // "io_uring" | "threads" | "sync"
};

}  // namespace tailrace
