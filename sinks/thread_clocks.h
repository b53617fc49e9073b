// ThreadClocks: the CPU time that a set of threads has used. They enter and leave by themselves. Any thread.
#pragma once

#include <ctime>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace tailrace {

class ThreadClocks {
 public:
  void enter(std::string name);  // the calling thread is counted from now on
  void leave();                  // it ends; what it has used stays in the sum of all
  // By the threads of that name that have not left; "", or a name that none has: by all that ever were.
  Duration used(const std::string& name) const;

 private:
  struct Entry {
    std::string name;
    clockid_t clock;
    Duration at_entry;
  };
  static Duration read(clockid_t clock);

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  Duration left_{0};
};

}  // namespace tailrace
