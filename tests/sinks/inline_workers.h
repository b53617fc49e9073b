// InlineWorkers: a WorkerPool whose jobs run when they are dispatched, on the calling thread.
#pragma once

#include <deque>
#include <utility>

#include "base/worker_pool.h"

namespace tailrace {

class InlineWorkers final : public WorkerPool {
 public:
  std::size_t dispatch(Instant now) override {
    std::size_t count = 0;
    while (!jobs_.empty()) {
      auto [work, done] = std::move(jobs_.front());
      jobs_.pop_front();
      work();
      done(now);
      ++count;
    }
    return count;
  }
  int fd() const override { return -1; }
  std::size_t pending() const override { return jobs_.size(); }

 protected:
  void start(Work work, Done done) override { jobs_.emplace_back(std::move(work), std::move(done)); }

 private:
  std::deque<std::pair<Work, Done>> jobs_;
};

}  // namespace tailrace
