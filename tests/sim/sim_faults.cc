#include "tests/sim/sim_faults.h"

#include <algorithm>
#include <cerrno>

namespace tailrace {

bool is_step(SimOp op) {
  switch (op) {
    case SimOp::open_write:
    case SimOp::write:
    case SimOp::allocate:
    case SimOp::truncate:
    case SimOp::sync_data:
    case SimOp::sync_directory:
    case SimOp::rename:
    case SimOp::remove:
    case SimOp::make_directories:
      return true;
    case SimOp::open_read:
    case SimOp::open_directory:
    case SimOp::stat:
    case SimOp::list:
    case SimOp::read:
    case SimOp::lock:
      return false;
  }
  return false;
}

bool SimFaults::has(SimOp op) const {
  return std::any_of(faults_.begin(), faults_.end(),
                     [op](const SimFault& fault) { return fault.op == op && fault.times > 0; });
}

int SimFaults::check(SimOp op, const std::string& path) {
  if (is_step(op)) {
    if (is_stopped()) return EIO;
    ++steps_;
  }
  for (SimFault& fault : faults_) {
    if (fault.op != op || fault.times == 0 || path.find(fault.path_contains) == std::string::npos) continue;
    if (fault.after > 0) {
      --fault.after;
      continue;
    }
    if (fault.times != SimFault::kAlways) --fault.times;
    return fault.sys_errno;
  }
  return 0;
}

}  // namespace tailrace
