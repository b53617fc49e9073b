#include "tailers/sync_engine.h"

namespace tailrace {
void SyncEngine::flush() {
  if (queued_.empty()) return;
  if (completed_.empty()) wake_.signal();
  completed_.reserve(completed_.size() + queued_.size());
  // Not RWF_NOWAIT first, as the thread engine does: there is nowhere else to go, and pread(2) does both in one call.
  for (const IoRequest& r : queued_) {
    completed_.push_back({.client = r.client, .token = r.token, .result = run_blocking(r)});
  }
  queued_.clear();
}

std::size_t SyncEngine::dispatch(Instant now) {
  if (completed_.empty()) return 0;
  wake_.clear();
  std::vector<IoCompletion> taken;
  taken.swap(completed_);
  dispatching_ = taken.size();
  for (const IoCompletion& c : taken) {
    --dispatching_;
    c.client->on_io_done(c.token, c.result, now);
  }
  return taken.size();
}

bool SyncEngine::stop() {
  queued_.clear();
  completed_.clear();
  wake_.clear();
  return true;
}

}  // namespace tailrace
