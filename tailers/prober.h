// Prober: looks at paths for a tailer, many at once, so that the tailer can decide who is there.
//
//   requests ─▶ worker: stat, resolve, open ─▶ engine: the first KiB, then fstat ─▶ probes, in the order of requests
//
// The read is what waits for a cold disk, so it goes through the IoEngine: with io_uring all of a job's are in flight
// together. Names are looked up on a worker, since nothing else can resolve a path without blocking. Where the
// descriptors are used up, or the bytes before the end are wanted too, the worker reads by itself, one file after the
// other. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/io_engine.h"
#include "base/slots.h"
#include "tailers/parts.h"
#include "tailers/probe.h"

namespace tailrace {

class Prober final : public IoClient {
 public:
  // What was asked for, each after what look_again found with it; what is to be tried again comes last.
  using Done = std::function<void(std::vector<Probe>&, Instant)>;

  Prober(Parts& parts, Symlinks symlinks) : parts_(parts), symlinks_(symlinks) {}
  // `done` of what is under way never runs.
  ~Prober() override;
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // `keeps`: each may hold a descriptor until `done` has run; else at most one a worker is open, and none is handed
  // over.
  void start(std::vector<ProbeRequest> requests, bool keeps, Done done);

  void on_io_done(std::uint64_t token, std::int64_t result, Instant now) override;

 private:
  struct Job {
    std::vector<ProbeRequest> requests;
    std::vector<Probe> probes;
    Done done;
    std::size_t unread = 0;  // probes whose first bytes are still to come
  };
  struct Reading {
    std::shared_ptr<Job> job;
    Probe* probe;  // of job->probes, which does not change any more
    unsigned tries = 0;
  };

  void opened(const std::shared_ptr<Job>& job, Instant now);
  void read(std::uint64_t token);
  Status check(Reading& reading, std::int64_t result, bool& must_repeat);

  Parts& parts_;
  Symlinks symlinks_;
  Slots<Reading> readings_;
  WorkOwner owner_;
};

}  // namespace tailrace
