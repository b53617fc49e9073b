// DemoVerdict: whether what arrived is what was written. Knows (file, sequence) pairs only; no Kafka, no disk.
//
// A file's lines are numbered from 0. Right is: every one arrives, first arrivals in ascending order, and a line
// arrives again only within a replay that goes back once and then on without a gap, as a killed agent's restart does.
// How many bytes may be doubled is bounded: by nothing but the kills that were said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tailrace {

struct DemoRecord {
  std::uint32_t file = 0;
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;  // of the line in its file, line end included
};

struct DemoSummary {
  std::uint64_t written = 0, arrived = 0;  // lines, each counted once
  std::uint64_t lost = 0, reordered = 0, damaged = 0;
  std::uint64_t doubled = 0, doubled_bytes = 0, doubled_bytes_max = 0;
  std::uint64_t kills = 0;

  bool is_right() const {
    return written > 0 && lost == 0 && reordered == 0 && damaged == 0 && doubled_bytes <= doubled_bytes_max;
  }
};

class DemoVerdict {
 public:
  // The file has lines [0, lines) now. Files are numbered from 0.
  void wrote(std::uint32_t file, std::uint64_t lines);
  // Whether it is the line's first arrival.
  bool arrived(const DemoRecord& record);
  // A record that is no line that was ever written.
  void arrived_damaged() { ++damaged_; }
  // The agent was killed: so many bytes more may arrive twice.
  void killed(std::uint64_t doubled_bytes_max);

  DemoSummary summary() const;

 private:
  struct File {
    std::uint64_t written = 0;
    std::vector<bool> seen;      // by sequence
    std::uint64_t highest = 0;   // one more than the highest sequence seen
    std::uint64_t expected = 0;  // one more than the last one that came
  };

  File& file(std::uint32_t number);

  std::vector<File> files_;
  std::uint64_t arrived_ = 0;
  std::uint64_t doubled_ = 0, doubled_bytes_ = 0, doubled_bytes_max_ = 0;
  std::uint64_t reordered_ = 0, damaged_ = 0, kills_ = 0;
};

// The verdict in a person's words, a few lines, ending with "\n".
std::string to_text(const DemoSummary& summary);

// 1234567 as 1,234,567.
std::string grouped(std::uint64_t number);

}  // namespace tailrace
