// ThreadEngine: what is in the page cache is read on the loop thread at once, everything else by one of a few threads.
//
// For kernels and containers that refuse io_uring. A thread that hangs in the kernel (a dead NFS server) stops its own
// request only, as long as there is another thread.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tailers/blocking_io.h"

namespace tailrace {

class ThreadEngine final : public IoEngine {
 public:
  // So many threads wait for the disk, not for a core: more of them than cores is right (16 read cold 64 KiB files 3
  // times as fast as one).
  static constexpr unsigned kThreads = 16;

  // Fails only when not even one thread can be started.
  static Result<std::unique_ptr<ThreadEngine>> create(unsigned threads = kThreads);

  // Stops; a hung thread is left behind.
  ~ThreadEngine() override;

  void submit(const IoRequest& request) override { queued_.push_back(request); }
  void flush() override;
  std::size_t dispatch(Instant now) override;
  bool stop() override;
  int fd() const override;
  std::size_t in_flight() const override { return queued_.size() + started_; }
  std::size_t depth() const override { return threads_.size(); }
  std::string_view name() const override { return "threads"; }

 private:
  struct Shared;  // held by the threads too
  explicit ThreadEngine(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
  std::vector<IoRequest> queued_;
  std::size_t started_ = 0;  // flushed and not yet handed back
};

}  // namespace tailrace
