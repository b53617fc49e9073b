// DescriptorBudget: how many files may be open, and which one is closed when another needs its place. Loop thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "tailers/tail_file.h"

namespace tailrace {

class DescriptorBudget {
 public:
  explicit DescriptorBudget(std::uint64_t open_max) : open_max_(open_max) {}

  bool has_room() const { return open_ < open_max_; }
  std::uint64_t left() const { return open_max_ - std::min(open_, open_max_); }
  // One more than may be: for what another waits for that has a descriptor itself.
  bool has_spare() const { return open_ <= open_max_; }
  void opened(std::uint64_t files = 1) { open_ += files; }
  void closed(std::uint64_t files = 1) { open_ -= files; }

  // At its end and acknowledged: its descriptor may go, at the latest at `close_at`.
  void offer(TailFile& file, Instant close_at);
  // It has work again, or is closed.
  void withdraw(TailFile& file);
  // The one that has been of no use for longest, withdrawn; nullptr when all are in use.
  TailFile* least_useful();
  TailFile* expired(Instant now);  // withdrawn
  Instant next_deadline() const { return offered_.empty() ? kNever : offered_.begin()->first; }

 private:
  std::uint64_t open_max_;
  std::uint64_t open_ = 0;
  std::set<std::pair<Instant, TailFile*>, ByTimeAndId> offered_;
};

}  // namespace tailrace
