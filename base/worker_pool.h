// WorkerPool: threads that may block, for readdir, path lookups, whole-file work. A seam: simulated workers run late.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace tailrace {

class WorkerPool {
 public:
  using Work = std::function<void()>;         // on a worker; touches only what it owns
  using Done = std::function<void(Instant)>;  // on the loop thread, in dispatch()

  virtual ~WorkerPool() = default;
  // Loop thread. Jobs start in order, finish in any.
  virtual void submit(Work work, Done done) = 0;
  virtual std::size_t dispatch(Instant now) = 0;  // loop thread; runs the Done of all that is finished
  virtual int fd() const = 0;                     // readable when there is something to dispatch
  virtual std::size_t pending() const = 0;        // submitted and not yet dispatched
};

}  // namespace tailrace
