// SimWorkerPool: jobs that run when the test says so, on the test's own thread.
//
// The model: jobs run one after the other in the order in which they were submitted, and each runs whole; between its
// Work and its Done any amount of other things may happen. By default `dispatch` first runs all that waits, so a job is
// done at the next turn. `hold` makes them late: then only `run_one` runs a job, and `dispatch` hands back what has
// run. Not modelled: two jobs at the same time.
#pragma once

#include <cstddef>
#include <deque>

#include "base/worker_pool.h"

namespace tailrace {

class SimWorkerPool final : public WorkerPool {
 public:
  std::size_t dispatch(Instant now) override;
  int fd() const override { return -1; }
  std::size_t pending() const override { return waiting_.size() + finished_.size(); }

  void hold(bool is_held) { is_held_ = is_held; }
  // Runs the Work of the oldest job that waits; false when there is none. Its Done comes with the next dispatch.
  bool run_one();
  bool has_finished() const { return !finished_.empty(); }
  std::size_t waiting() const { return waiting_.size(); }
  // The process died: neither Work nor Done of anything that is left will ever run.
  void forget_all();

 protected:
  void start(Work work, Done done) override;

 private:
  struct Job {
    Work work;
    Done done;
  };
  std::deque<Job> waiting_, finished_;
  bool is_held_ = false;
};

}  // namespace tailrace
