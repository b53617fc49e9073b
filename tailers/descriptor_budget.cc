#include "tailers/descriptor_budget.h"

namespace tailrace {

void DescriptorBudget::offer(TailFile& file, Instant close_at) {
  withdraw(file);
  file.close_at = close_at;
  offered_.emplace(close_at, &file);
}

void DescriptorBudget::withdraw(TailFile& file) {
  if (file.close_at == kNever) return;
  offered_.erase({file.close_at, &file});
  file.close_at = kNever;
}

TailFile* DescriptorBudget::least_useful() {
  if (offered_.empty()) return nullptr;
  TailFile* file = offered_.begin()->second;
  withdraw(*file);
  return file;
}

TailFile* DescriptorBudget::expired(Instant now) {
  return next_deadline() <= now && !offered_.empty() ? least_useful() : nullptr;
}

}  // namespace tailrace
