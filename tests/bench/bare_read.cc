// bare_read FILE [BLOCK]: the limit of reading alone: pread in blocks (1 MiB), memchr for every line end.
// Prints one line of JSON: lines, bytes, seconds, cpu_seconds.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: bare_read FILE [BLOCK]\n", stderr);
    return 2;
  }
  const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    std::perror(argv[1]);
    return 1;
  }
  std::vector<char> block(argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 1024 * 1024);
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  while (true) {
    const ssize_t got = ::pread(fd, block.data(), block.size(), static_cast<off_t>(bytes));
    if (got <= 0) break;
    const char* at = block.data();
    const char* const end = at + got;
    while ((at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) != nullptr) {
      ++lines;
      ++at;
    }
    bytes += static_cast<std::uint64_t>(got);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  std::printf("{\"lines\": %llu, \"bytes\": %llu, \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n",
              static_cast<unsigned long long>(lines), static_cast<unsigned long long>(bytes), took.count(), cpu);
  return 0;
}
