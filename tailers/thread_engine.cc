#include "tailers/thread_engine.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "base/mailbox.h"
#include "base/signals_blocked.h"

namespace tailrace {
namespace {

constexpr Duration kStopWait = std::chrono::seconds(5);

}  // namespace

struct ThreadEngine::Shared {
  std::mutex mutex;
  std::condition_variable wake, idle;
  std::deque<IoRequest> queue;
  std::size_t running = 0;  // requests that have begun and not ended
  bool is_stopping = false;
  // Bounded by what was submitted: every request ends in one completion.
  Mailbox<IoCompletion> finished{std::numeric_limits<std::size_t>::max()};

  void finish(const IoRequest& request, std::int64_t result) {
    const bool is_pushed = finished.push({.client = request.client, .token = request.token, .result = result});
    TR_ASSERT(is_pushed, "the box of completions is full");
  }
};

Result<std::unique_ptr<ThreadEngine>> ThreadEngine::create(unsigned threads) {
  TR_ASSERT(threads > 0, "an engine of no thread");
  const SignalsBlocked blocked;
  auto shared = std::make_shared<Shared>();
  std::unique_ptr<ThreadEngine> engine(new ThreadEngine(shared));
  for (unsigned i = 0; i < threads; ++i) {
    try {
      engine->threads_.emplace_back([shared] { run(*shared); });
    } catch (const std::system_error& e) {
      if (i > 0) break;  // a tight pids limit: fewer do as well
      return Error::from_errno(e.code().value()).during("start", "a thread");
    }
  }
  return engine;
}

void ThreadEngine::run(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  while (true) {
    shared.wake.wait(lock, [&] { return shared.is_stopping || !shared.queue.empty(); });
    if (shared.is_stopping) return;
    const IoRequest request = shared.queue.front();
    shared.queue.pop_front();
    ++shared.running;
    lock.unlock();
    shared.finish(request, run_blocking(request));
    lock.lock();
    --shared.running;
    shared.idle.notify_all();
  }
}

bool ThreadEngine::stop() {
  queued_.clear();
  std::unique_lock lock(shared_->mutex);
  shared_->queue.clear();
  // A second call does not wait again for what hung in the first.
  const Duration patience = std::exchange(shared_->is_stopping, true) ? Duration{0} : kStopWait;
  shared_->wake.notify_all();
  const bool is_idle = shared_->idle.wait_for(lock, patience, [&] { return shared_->running == 0; });
  static_cast<void>(shared_->finished.drain());
  started_ = shared_->running;
  return is_idle;
}

ThreadEngine::~ThreadEngine() {
  const bool is_idle = stop();
  for (std::thread& thread : threads_) {
    if (is_idle) {
      thread.join();
    } else {
      thread.detach();
    }
  }
}

void ThreadEngine::flush() {
  std::size_t handed_over = 0;
  for (const IoRequest& request : queued_) {
    ++started_;
    const auto cached = request.op == IoRequest::Op::read ? read_cached(request) : std::nullopt;
    if (cached) {
      // Through the same box as the threads' own: one order of delivery, and `fd` becomes readable by itself.
      shared_->finish(request, *cached);
      continue;
    }
    const std::lock_guard lock(shared_->mutex);
    shared_->queue.push_back(request);
    ++handed_over;
  }
  queued_.clear();
  if (handed_over == 1) shared_->wake.notify_one();
  if (handed_over > 1) shared_->wake.notify_all();
}

std::size_t ThreadEngine::dispatch(Instant now) {
  // Also with nothing under way: a thread may signal late, for what was taken already, and a level-triggered loop would
  // spin over it.
  const std::vector<IoCompletion> taken = shared_->finished.drain();
  for (const IoCompletion& c : taken) {
    --started_;
    c.client->on_io_done(c.token, c.result, now);
  }
  return taken.size();
}

int ThreadEngine::fd() const { return shared_->finished.fd(); }

}  // namespace tailrace
