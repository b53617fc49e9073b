// MemoryBudget: what one sink may hold between file and acknowledgement. Loop thread only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/check.h"

namespace tailrace {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit_bytes) : limit_(limit_bytes) {}

  bool try_take(std::uint64_t bytes) {
    if (bytes > limit_ - std::min(used_, limit_)) return false;
    used_ += bytes;
    return true;
  }
  // For what cannot be refused any more (a record's books after the read): may pass the limit by one read's records.
  void take(std::uint64_t bytes) { used_ += bytes; }
  void give_back(std::uint64_t bytes) {
    TR_ASSERT(bytes <= used_, "giving back {} of {} used", bytes, used_);
    used_ -= bytes;
  }
  std::uint64_t used() const { return used_; }
  std::uint64_t limit() const { return limit_; }
  std::uint64_t left() const { return limit_ - std::min(used_, limit_); }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
};

}  // namespace tailrace
