#include "base/thread_worker_pool.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <limits>
#include <mutex>
#include <optional>
#include <sstream>
#include <system_error>

#include "base/mailbox.h"
#include "base/signals_blocked.h"

namespace tailrace {
namespace {

constexpr unsigned kWorkersMin = 2;
constexpr unsigned kWorkersMax = 8;

std::optional<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

// CPUs that one group may use; nothing: as many as its parent.
std::optional<double> quota_of(const std::string& directory) {
  std::istringstream text;
  if (const auto v2 = first_line(directory + "/cpu.max")) {
    text.str(*v2);  // "200000 100000" or "max 100000"
  } else {
    const auto quota = first_line(directory + "/cpu.cfs_quota_us");
    const auto period = first_line(directory + "/cpu.cfs_period_us");
    if (!quota || !period) return std::nullopt;
    text.str(*quota + " " + *period);  // "-1 100000" is no quota
  }
  double quota_us = 0;
  double period_us = 0;
  if (!(text >> quota_us >> period_us) || quota_us <= 0 || period_us <= 0) return std::nullopt;
  return quota_us / period_us;
}

// The smallest quota of the group and of all that it is in. In a container /proc/self/cgroup may name a path of the
// host that is not mounted here: the mount's root, reached last, is then the container's own group.
std::optional<double> smallest_quota(const std::string& mount, std::string path) {
  std::optional<double> smallest;
  while (true) {
    if (const auto quota = quota_of(mount + path)) smallest = std::min(smallest.value_or(*quota), *quota);
    if (path.empty()) return smallest;
    path.resize(path.find_last_of('/'));
  }
}

// A line is "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1).
std::optional<double> quota_of_line(const std::string& line, const std::string& mount) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
  std::string path = line.substr(second + 1);
  if (path.empty() || path[0] != '/' || path == "/") path.clear();
  if (controllers == ",,") return smallest_quota(mount, path);
  if (controllers.find(",cpu,") == std::string::npos) return std::nullopt;
  return smallest_quota(mount + "/cpu", path);
}

}  // namespace

unsigned worker_count(const std::string& cgroup_of_process, const std::string& cgroup_mount) {
  double cpus = std::max(1U, std::thread::hardware_concurrency());
  std::ifstream groups(cgroup_of_process);
  for (std::string line; std::getline(groups, line);) {
    if (const auto quota = quota_of_line(line, cgroup_mount)) cpus = std::min(cpus, *quota);
  }
  return std::clamp(static_cast<unsigned>(std::ceil(cpus)), kWorkersMin, kWorkersMax);
}

struct ThreadWorkerPool::Shared {
  struct Job {
    std::uint64_t id = 0;
    Work work;
  };
  std::mutex mutex;
  std::condition_variable wake, idle;
  std::deque<Job> queue;
  std::size_t running = 0;  // jobs that have begun and not ended
  bool is_stopping = false;
  // Bounded by what was submitted: every job ends in at most one entry.
  Mailbox<std::uint64_t> finished{std::numeric_limits<std::size_t>::max()};
};

Result<std::unique_ptr<ThreadWorkerPool>> ThreadWorkerPool::create(unsigned threads) {
  TR_ASSERT(threads > 0, "a pool of no thread");
  const SignalsBlocked blocked;
  auto shared = std::make_shared<Shared>();
  std::unique_ptr<ThreadWorkerPool> pool(new ThreadWorkerPool(shared));
  for (unsigned i = 0; i < threads; ++i) {
    try {
      pool->threads_.emplace_back([shared] { run(*shared); });
    } catch (const std::system_error& e) {
      if (i > 0) break;
      return Error::from_errno(e.code().value()).during("start", "a worker thread");
    }
  }
  return pool;
}

void ThreadWorkerPool::run(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  while (true) {
    shared.wake.wait(lock, [&] { return shared.is_stopping || !shared.queue.empty(); });
    if (shared.is_stopping) return;
    Shared::Job job = std::move(shared.queue.front());
    shared.queue.pop_front();
    ++shared.running;
    lock.unlock();
    job.work();
    job.work = nullptr;  // what it holds is released before its Done may run
    const bool is_pushed = shared.finished.push(std::uint64_t{job.id});
    TR_ASSERT(is_pushed, "the box of finished jobs is full");
    lock.lock();
    --shared.running;
    shared.idle.notify_all();
  }
}

ThreadWorkerPool::~ThreadWorkerPool() {
  std::deque<Shared::Job> dropped;  // destroyed after the lock is gone
  bool is_idle = false;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->is_stopping = true;
    dropped.swap(shared_->queue);
    shared_->wake.notify_all();
    is_idle = shared_->idle.wait_for(lock, grace_, [&] { return shared_->running == 0; });
  }
  for (std::thread& thread : threads_) {
    // Which of them hangs is not known; those that do not end by themselves, holding `shared` as long as they need it.
    if (is_idle) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

void ThreadWorkerPool::start(Work work, Done done) {
  const std::uint64_t id = next_job_++;
  done_.emplace(id, std::move(done));
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->queue.push_back({.id = id, .work = std::move(work)});
  }
  shared_->wake.notify_one();
}

std::size_t ThreadWorkerPool::dispatch(Instant now) {
  const std::vector<std::uint64_t> finished = shared_->finished.drain();
  for (const std::uint64_t id : finished) {
    auto done = done_.extract(id);
    TR_ASSERT(!done.empty(), "job {} finished twice", id);
    done.mapped()(now);  // may submit
  }
  return finished.size();
}

int ThreadWorkerPool::fd() const { return shared_->finished.fd(); }

}  // namespace tailrace
