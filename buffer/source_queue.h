// SourceQueue: sources that wait for something, each with one number. Loop thread only.
//
// A source may be pushed any number of times; what is kept of it is merged now and then, so the queue holds at most
// about twice as many items as there are different sources in it. Pushing the same source again and again allocates
// nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "buffer/source.h"

namespace tailrace {

struct QueuedSource {
  SourceId id;
  std::uint64_t value = 0;
};

class SourceQueue {
 public:
  void push(SourceId id, std::uint64_t value) {
    if (!items_.empty() && items_.back().id == id) {
      items_.back().value = std::max(items_.back().value, value);
      return;
    }
    items_.push_back({id, value});
    if (items_.size() >= coalesce_at_) coalesce();
  }

  // One item a source, ordered by source.
  void coalesce() {
    std::sort(items_.begin(), items_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::size_t kept = 0;
    for (const QueuedSource& item : items_) {
      if (kept > 0 && items_[kept - 1].id == item.id) {
        items_[kept - 1].value = std::max(items_[kept - 1].value, item.value);
      } else {
        items_[kept++] = item;
      }
    }
    items_.resize(kept);
    coalesce_at_ = std::max(kCoalesceMin, 2 * kept);
  }

  // All of it, coalesced; the queue is empty then and takes over the memory of `into`, which is cleared.
  void take(std::vector<QueuedSource>& into) {
    coalesce();
    into.clear();
    std::swap(into, items_);
    coalesce_at_ = kCoalesceMin;
  }

  template <class Predicate>
  void erase_if(Predicate predicate) {
    std::erase_if(items_, predicate);
  }

  const std::vector<QueuedSource>& items() const { return items_; }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  void clear() { items_.clear(); }

 private:
  static constexpr std::size_t kCoalesceMin = 1024;
  std::vector<QueuedSource> items_;
  std::size_t coalesce_at_ = kCoalesceMin;
};

}  // namespace tailrace
