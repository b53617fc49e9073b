#include "tailers/blocking_io.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/symlinks.h"

namespace tailrace {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_NOCTTY | O_CLOEXEC;

// The call's result or -errno. Only what a signal interrupted is done again.
template <class Call>
std::int64_t uninterrupted(Call call) {
  while (true) {
    const std::int64_t result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

std::int64_t open_file(const char* path) {
  const auto open_with = [path](int flags) -> std::int64_t {
    Result<UniqueFd> fd = open_without_links(path, kOpenFlags | flags);
    return fd ? fd->release() : -(fd.error().sys_errno() != 0 ? fd.error().sys_errno() : EIO);
  };
  const std::int64_t fd = open_with(O_NONBLOCK);
  // Another process holds a lease on this regular file (fcntl(2), F_SETLEASE): the one case in which an open says
  // "would block". Without O_NONBLOCK the kernel waits until the lease is given back.
  return fd == -EAGAIN ? open_with(0) : fd;
}

// Calls again while the file system says "not now", which a regular file's never should: at poll's pace, not in a spin.
template <class Call>
std::int64_t until_ready(int fd, short events, Call call) {
  constexpr int kPollMs = 100;
  while (true) {
    const std::int64_t result = uninterrupted(call);
    if (result != -EAGAIN) return result;
    pollfd waiting = {.fd = fd, .events = events, .revents = 0};
    ::poll(&waiting, 1, kPollMs);
  }
}

std::int64_t read_some(const IoRequest& r) {
  return until_ready(r.fd, POLLIN, [&] { return ::pread(r.fd, r.buffer, r.bytes, static_cast<off_t>(r.offset)); });
}

std::int64_t write_all(const IoRequest& r) {
  std::uint32_t done = 0;
  while (done < r.bytes) {
    const std::int64_t n = until_ready(r.fd, POLLOUT, [&] {
      return ::pwrite(r.fd, r.buffer + done, r.bytes - done, static_cast<off_t>(r.offset + done));
    });
    if (n < 0) return n;
    if (n == 0) return -EIO;  // never of a regular file; asking again would spin
    done += static_cast<std::uint32_t>(n);
  }
  return done;
}

}  // namespace

std::int64_t run_blocking(const IoRequest& request) {
  switch (request.op) {
    case IoRequest::Op::open:
      return open_file(request.path);
    case IoRequest::Op::read:
      return read_some(request);
    case IoRequest::Op::write:
      return write_all(request);
    case IoRequest::Op::sync_data:
      return uninterrupted([&] { return ::fdatasync(request.fd); });
  }
  TR_ASSERT(false, "operation {}", static_cast<int>(request.op));
}

std::optional<std::int64_t> read_cached(const IoRequest& r) {
  const iovec into = {.iov_base = r.buffer, .iov_len = r.bytes};
  const std::int64_t result =
      uninterrupted([&] { return ::preadv2(r.fd, &into, 1, static_cast<off_t>(r.offset), RWF_NOWAIT); });
  // EAGAIN: it would wait; EOPNOTSUPP, EINVAL, ENOSYS: nobody can tell. Fewer bytes than asked for may be the file's
  // end, or only that of what is in the page cache: the 64 bytes before the offset, say, and nothing that is new.
  if (result < static_cast<std::int64_t>(r.bytes)) return std::nullopt;
  return result;
}

}  // namespace tailrace
