// SyncEngine: one call after the other, on the loop thread. What is cold makes the loop wait.
//
// The simplest of the engines, for debugging and for kernels and machines where threads are dear.
#pragma once

#include <vector>

#include "base/event_fd.h"
#include "base/io_engine.h"
#include "tailers/blocking_io.h"

namespace tailrace {

class SyncEngine final : public IoEngine {
 public:
  void submit(const IoRequest& request) override { queued_.push_back(request); }
  void flush() override;  // does all of it; `dispatch` hands it back
  std::size_t dispatch(Instant now) override;
  bool stop() override;
  int fd() const override { return wake_.fd(); }
  std::size_t in_flight() const override { return queued_.size() + completed_.size() + dispatching_; }
  std::size_t depth() const override { return 1; }
  std::string_view name() const override { return "sync"; }

 private:
  std::vector<IoRequest> queued_;
  std::vector<IoCompletion> completed_;
  std::size_t dispatching_ = 0;  // taken out of completed_ and not yet handed back
  EventFd wake_;                 // readable while completed_ is not empty
};

}  // namespace tailrace
