// count_polls.so, for LD_PRELOAD: counts poll() in the 64-bit number at the beginning of the file $COUNT_POLLS.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

std::atomic<std::uint64_t>* counter() {
  static std::atomic<std::uint64_t>* const mapped = [] {
    const char* path = std::getenv("COUNT_POLLS");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    void* page =
        fd < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) ::close(fd);
    return page == MAP_FAILED ? nullptr : static_cast<std::atomic<std::uint64_t>*>(page);
  }();
  return mapped;
}

void count_one() {
  if (auto* polls = counter()) polls->fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" int poll(pollfd* fds, nfds_t count, int timeout) {
  using Poll = int (*)(pollfd*, nfds_t, int);
  static const auto real = reinterpret_cast<Poll>(::dlsym(RTLD_NEXT, "poll"));
  count_one();
  return real(fds, count, timeout);
}

// What poll becomes where the size of the array is known when compiling, as in Debian's librdkafka.
extern "C" int __poll_chk(pollfd* fds, nfds_t count, int timeout, std::size_t bytes) {  // NOLINT: glibc's name
  using Poll = int (*)(pollfd*, nfds_t, int, std::size_t);
  static const auto real = reinterpret_cast<Poll>(::dlsym(RTLD_NEXT, "__poll_chk"));
  count_one();
  return real(fds, count, timeout, bytes);
}
