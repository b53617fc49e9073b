// WorkerPool: threads that may block, for readdir, path lookups, whole-file work. A seam: simulated workers run late.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "base/clock.h"

namespace tailrace {

// Who waits for a Done, as a member of what that Done touches: once it is destroyed the Done does not run any more.
// Loop thread only.
class WorkOwner {
 public:
  WorkOwner() = default;
  WorkOwner(const WorkOwner&) = delete;
  WorkOwner& operator=(const WorkOwner&) = delete;

 private:
  friend class WorkerPool;
  std::shared_ptr<const char> life_ = std::make_shared<const char>();
};

class WorkerPool {
 public:
  using Work = std::function<void()>;         // on a worker; touches only what it owns
  using Done = std::function<void(Instant)>;  // on the loop thread, in dispatch()

  virtual ~WorkerPool() = default;
  // Loop thread. Jobs start in order, finish in any. `done` runs unless `owner` is gone by then.
  void submit(const WorkOwner& owner, Work work, Done done) {
    start(std::move(work), [life = std::weak_ptr(owner.life_), done = std::move(done)](Instant now) {
      if (!life.expired()) done(now);
    });
  }
  // Nobody waits for it.
  void submit(Work work) {
    start(std::move(work), [](Instant) {});
  }
  virtual std::size_t dispatch(Instant now) = 0;  // loop thread; runs the Done of all that is finished
  virtual int fd() const = 0;                     // readable when there is something to dispatch
  virtual std::size_t pending() const = 0;        // submitted and not yet dispatched

 protected:
  virtual void start(Work work, Done done) = 0;
};

}  // namespace tailrace
