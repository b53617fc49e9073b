#include "agent/snapshot_exchange.h"

#include <algorithm>
#include <utility>

namespace tailrace {

SnapshotExchange::SnapshotExchange(ExchangePatience patience) : patience_(patience) {}

std::shared_ptr<const Snapshot> SnapshotExchange::fresh(std::size_t lagging_files_max) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = ++asked_;
  lagging_files_max_ = std::max(lagging_files_max_, lagging_files_max);
  wake_.signal();
  answered_.wait_for(lock, patience_.snapshot, [&] { return given_ >= ticket || is_closed_; });
  return last_;
}

bool SnapshotExchange::is_turning() {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = ++pinged_;
  wake_.signal();
  return answered_.wait_for(lock, patience_.turn, [&] { return turned_ >= ticket || is_closed_; }) && !is_closed_;
}

void SnapshotExchange::answer(const std::function<Snapshot(std::size_t)>& make) {
  wake_.clear();
  std::uint64_t asked = 0;
  std::size_t lagging_files_max = 0;
  {
    const std::lock_guard lock(mutex_);
    turned_ = pinged_;
    if (asked_ == given_) {
      answered_.notify_all();
      return;
    }
    asked = asked_;
    lagging_files_max = std::exchange(lagging_files_max_, 0);
  }
  auto made = std::make_shared<const Snapshot>(make(lagging_files_max));
  {
    const std::lock_guard lock(mutex_);
    last_.swap(made);
    given_ = asked;
  }
  answered_.notify_all();  // the old Snapshot is freed here, outside the lock
}

void SnapshotExchange::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  answered_.notify_all();
}

}  // namespace tailrace
