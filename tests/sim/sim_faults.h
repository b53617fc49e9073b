// SimFaults: which calls of the simulated disk fail, and the moment at which the machine stops.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tailrace {

enum class SimOp : std::uint8_t {
  open_read,
  open_write,
  open_directory,
  stat,
  list,
  read,
  write,
  allocate,
  truncate,
  sync_data,
  sync_directory,
  rename,
  remove,
  make_directories,
  lock,
};

// The calls that change the disk, or make a change last: each is a step of a run.
bool is_step(SimOp op);

struct SimFault {
  SimOp op = SimOp::write;
  int sys_errno = 5;               // EIO
  std::uint64_t times = 1;         // kAlways: until heal
  std::uint64_t after = 0;         // so many calls pass first
  std::string path_contains = {};  // only calls on such paths (of a descriptor: the one it was opened by)

  static constexpr std::uint64_t kAlways = UINT64_MAX;
};

class SimFaults {
 public:
  void add(SimFault fault) { faults_.push_back(std::move(fault)); }
  void heal() { faults_.clear(); }
  bool has(SimOp op) const;  // one that is still to come

  // What this call must fail with; 0: nothing. Counts.
  int check(SimOp op, const std::string& path);

  // The machine stops after so many more steps: what comes then changes nothing and fails with EIO.
  void stop_after(std::uint64_t steps) { stop_at_ = steps_ + steps; }
  void go_on() { stop_at_ = UINT64_MAX; }
  bool is_stopped() const { return steps_ >= stop_at_; }
  std::uint64_t steps() const { return steps_; }

 private:
  std::vector<SimFault> faults_;
  std::uint64_t steps_ = 0;
  std::uint64_t stop_at_ = UINT64_MAX;
};

}  // namespace tailrace
