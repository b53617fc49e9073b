#include "agent/open_files.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>

#include "agent/http_connections.h"
#include "base/unique_fd.h"

namespace tailrace {

namespace {

constexpr std::uint64_t kForTheRest = 64 + kHttpDescriptorsMax;
constexpr std::uint64_t kFewest = 16;
constexpr std::uint64_t kReservedMax = 16'384;

}  // namespace

std::uint64_t raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // the usual soft limit
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

std::uint64_t open_files_least() { return kForTheRest + kFewest; }

std::uint64_t open_files_max(std::uint64_t limit, std::uint64_t max_open_files) {
  const std::uint64_t wanted = max_open_files != 0 ? max_open_files : limit / 5 * 4;
  const std::uint64_t possible = limit > kForTheRest ? limit - kForTheRest : 0;
  return std::max(kFewest, std::min(wanted, possible));
}

void reserve_descriptors(std::uint64_t files) {
  const UniqueFd any(::eventfd(0, EFD_CLOEXEC));
  // The table then reaches to this number, and stays so when it is closed. Over the limit: it grows as it must.
  const UniqueFd highest(::fcntl(any.get(), F_DUPFD_CLOEXEC, std::min(files + kForTheRest, kReservedMax) - 1));
}

}  // namespace tailrace
