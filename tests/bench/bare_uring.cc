// bare_uring FILE...: what the disk gives when it is asked for 64 files at once: io_uring reads, one a file of at most
// 1 MiB, memchr for every line end. The files are opened beforehand, which is not what is looked for here. Prints one
// line of JSON: files, lines, bytes, seconds.
#include <fcntl.h>
#include <liburing.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr unsigned kDepth = 64;
constexpr std::size_t kFileBytesMax = 1024 * 1024;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::vector<int> open_all(int count, char** paths) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> files;
  for (int i = 0; i < count; ++i) {
    files.push_back(::open(paths[i], O_RDONLY | O_CLOEXEC));
    if (files.back() < 0) fail(paths[i]);
  }
  return files;
}

std::uint64_t lines_of(const char* at, std::size_t bytes) {
  std::uint64_t lines = 0;
  const char* const end = at + bytes;
  while ((at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) != nullptr) {
    ++lines;
    ++at;
  }
  return lines;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bare_uring FILE...\n", stderr);
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<int> files = open_all(argc - 1, argv + 1);
  io_uring ring{};
  if (::io_uring_queue_init(kDepth, &ring, 0) < 0) fail("io_uring_queue_init");
  std::array<std::vector<char>, kDepth> blocks;
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < kDepth; ++i) {
    blocks[i].resize(kFileBytesMax);
    free.push_back(i);
  }
  std::uint64_t bytes = 0, lines = 0;
  for (std::size_t asked = 0, done = 0; done < files.size();) {
    for (; asked < files.size() && !free.empty(); ++asked) {
      io_uring_sqe* const entry = ::io_uring_get_sqe(&ring);
      ::io_uring_prep_read(entry, files[asked], blocks[free.back()].data(), kFileBytesMax, 0);
      ::io_uring_sqe_set_data64(entry, free.back());
      free.pop_back();
    }
    ::io_uring_submit_and_wait(&ring, 1);
    io_uring_cqe* found = nullptr;
    while (::io_uring_peek_cqe(&ring, &found) == 0) {
      if (found->res < 0) fail("read");
      const std::size_t block = ::io_uring_cqe_get_data64(found);
      bytes += static_cast<std::uint64_t>(found->res);
      lines += lines_of(blocks[block].data(), static_cast<std::size_t>(found->res));
      free.push_back(block);
      ++done;
      ::io_uring_cqe_seen(&ring, found);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("{\"files\": %d, \"lines\": %llu, \"bytes\": %llu, \"seconds\": %.4f}\n", argc - 1,
              static_cast<unsigned long long>(lines), static_cast<unsigned long long>(bytes), took.count());
  return 0;
}
