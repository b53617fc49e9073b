#include "tests/sim/sim_worker_pool.h"

#include <utility>

namespace tailrace {

void SimWorkerPool::start(Work work, Done done) { waiting_.push_back({std::move(work), std::move(done)}); }

bool SimWorkerPool::run_one() {
  if (waiting_.empty()) return false;
  Job job = std::move(waiting_.front());
  waiting_.pop_front();
  if (job.work) job.work();
  finished_.push_back(std::move(job));
  return true;
}

std::size_t SimWorkerPool::dispatch(Instant now) {
  // Only what waits now: a Done that submits again gets its turn at the next dispatch.
  if (!is_held_) {
    for (std::size_t n = waiting_.size(); n > 0; --n) run_one();
  }
  std::deque<Job> finished = std::exchange(finished_, {});
  for (Job& job : finished) {
    job.done(now);
  }
  return finished.size();
}

void SimWorkerPool::forget_all() {
  waiting_.clear();
  finished_.clear();
}

}  // namespace tailrace
