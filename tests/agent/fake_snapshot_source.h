// FakeSnapshotSource: answers what the test has set, at once.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "agent/snapshot_exchange.h"

namespace tailrace {

class FakeSnapshotSource : public SnapshotSource {
 public:
  std::shared_ptr<const Snapshot> fresh(std::size_t lagging_files_max) override {
    const std::lock_guard lock(mutex_);
    lagging_files_wanted_ = lagging_files_max;
    return snapshot_;
  }
  bool is_turning() override { return turning_; }

  void set(Snapshot snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::make_shared<const Snapshot>(std::move(snapshot));
  }
  void set_turning(bool turning) { turning_ = turning; }
  std::size_t lagging_files_wanted() {
    const std::lock_guard lock(mutex_);
    return lagging_files_wanted_;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::size_t lagging_files_wanted_ = 12345;
  std::atomic<bool> turning_ = true;
};

}  // namespace tailrace
