#include "agent/commands/demo_verdict.h"

#include <fmt/format.h>

#include <algorithm>

namespace tailrace {

std::string grouped(std::uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

DemoVerdict::File& DemoVerdict::file(std::uint32_t number) {
  if (number >= files_.size()) files_.resize(number + 1);
  return files_[number];
}

void DemoVerdict::wrote(std::uint32_t number, std::uint64_t lines) {
  File& at = file(number);
  at.written = std::max(at.written, lines);
  at.seen.resize(at.written);
}

bool DemoVerdict::arrived(const DemoRecord& record) {
  File& at = file(record.file);
  if (record.sequence >= at.written) {
    arrived_damaged();
    return false;
  }
  const bool is_again = at.seen[record.sequence];
  // A gap: lines were passed over. They are lost, or late, and then found below.
  if (record.sequence > at.expected) ++reordered_;
  // Late: it should have come before one that is here already.
  if (!is_again && record.sequence < at.highest) ++reordered_;
  at.expected = record.sequence + 1;
  at.highest = std::max(at.highest, at.expected);
  if (is_again) {
    ++doubled_;
    doubled_bytes_ += record.bytes;
    return false;
  }
  at.seen[record.sequence] = true;
  ++arrived_;
  return true;
}

void DemoVerdict::killed(std::uint64_t doubled_bytes_max) {
  ++kills_;
  doubled_bytes_max_ += doubled_bytes_max;
}

DemoSummary DemoVerdict::summary() const {
  DemoSummary sum;
  for (const File& at : files_) sum.written += at.written;
  sum.arrived = arrived_;
  sum.lost = sum.written - arrived_;
  sum.reordered = reordered_;
  sum.damaged = damaged_;
  sum.doubled = doubled_;
  sum.doubled_bytes = doubled_bytes_;
  sum.doubled_bytes_max = doubled_bytes_max_;
  sum.kills = kills_;
  return sum;
}

std::string to_text(const DemoSummary& sum) {
  std::string text =
      fmt::format("{} lines written, {} arrived; {} lost, {} out of order, {} damaged\n", grouped(sum.written),
                  grouped(sum.arrived), grouped(sum.lost), grouped(sum.reordered), grouped(sum.damaged));
  if (sum.kills > 0 || sum.doubled > 0) {
    text += fmt::format("{} arrived twice ({} KiB) because of {} kill -9; at most {} KiB may\n", grouped(sum.doubled),
                        grouped(sum.doubled_bytes / 1024), sum.kills, grouped(sum.doubled_bytes_max / 1024));
  }
  if (sum.is_right()) {
    text += sum.kills > 0 ? "RIGHT: every line arrived, in order, and only the kill doubled any\n"
                          : "RIGHT: every line arrived once, in order\n";
  } else {
    text += "WRONG: this is a bug in tailrace; please report it with the lines above\n";
  }
  return text;
}

}  // namespace tailrace
