#include "buffer/age_marks.h"

#include <algorithm>

namespace tailrace {
namespace {
constexpr Duration kClose = std::chrono::milliseconds(500);
constexpr std::size_t kMergeAt = 64;
}  // namespace

void AgeMarks::saw(Offset size, Instant when) {
  if (!marks_.empty()) {
    Mark& last = marks_.back();
    if (size <= last.end) return;
    if (when - last.when < kClose) {
      last.end = size;
      last.until = when;
      return;
    }
  }
  marks_.push_back({size, when, when});
  if (marks_.size() >= kMergeAt && marks_.size() % 16 == 0) merge(when);
}

Instant AgeMarks::seen_at(Offset offset) const {
  const auto it = std::upper_bound(marks_.begin(), marks_.end(), offset,
                                   [](Offset wanted, const Mark& mark) { return wanted < mark.end; });
  return it == marks_.end() ? kNever : it->when;
}

void AgeMarks::forget_below(Offset offset) {
  const auto keep =
      std::find_if(marks_.begin(), marks_.end(), [offset](const Mark& mark) { return mark.end > offset; });
  if (keep == marks_.end()) {
    clear();
  } else {
    marks_.erase(marks_.begin(), keep);
  }
}

void AgeMarks::cut(Offset size) {
  while (!marks_.empty() && marks_.back().end > size) {
    if (marks_.size() == 1 ? size > 0 : marks_[marks_.size() - 2].end < size) {
      marks_.back().end = size;
      return;
    }
    marks_.pop_back();
  }
  if (marks_.empty()) clear();
}

void AgeMarks::merge(Instant now) {
  std::size_t kept = 0;
  for (std::size_t i = 1; i < marks_.size(); ++i) {
    if (marks_[i].until - marks_[kept].when < (now - marks_[i].until) / 25) {
      marks_[kept].end = marks_[i].end;
      marks_[kept].until = marks_[i].until;
    } else {
      marks_[++kept] = marks_[i];
    }
  }
  marks_.resize(kept + 1);
}

}  // namespace tailrace
