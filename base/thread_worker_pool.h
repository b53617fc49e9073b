// ThreadWorkerPool: the WorkerPool of real threads. Every signal is blocked in them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/worker_pool.h"

namespace tailrace {

// How many workers the CPU quota of this process's cgroup (v2 cpu.max, v1 cfs quota, the smallest up to the root)
// feeds, at least 2, at most 8; without a quota, as many as there are cores within those bounds.
unsigned worker_count(const std::string& cgroup_of_process = "/proc/self/cgroup",
                      const std::string& cgroup_mount = "/sys/fs/cgroup");

class ThreadWorkerPool final : public WorkerPool {
 public:
  // `again` or another kind when not even one thread can be started; fewer than `threads` are enough.
  static Result<std::unique_ptr<ThreadWorkerPool>> create(unsigned threads);

  // Jobs that have not begun are dropped, those that run are waited for up to `set_grace` (default 1 s) together; one
  // that hangs longer is left behind: its Work must touch nothing that dies with the pool's owner. No Done runs.
  ~ThreadWorkerPool() override;

  std::size_t dispatch(Instant now) override;
  int fd() const override;
  std::size_t pending() const override { return done_.size(); }

  void set_grace(Duration grace) { grace_ = grace; }

 protected:
  void start(Work work, Done done) override;

 private:
  struct Shared;  // held by the threads too
  explicit ThreadWorkerPool(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
  Duration grace_ = std::chrono::seconds(1);
  std::uint64_t next_job_ = 1;
  std::unordered_map<std::uint64_t, Done> done_;  // stays here: what a Done holds belongs to the loop thread
};

}  // namespace tailrace
