// bare_read FILE...: the limit of reading alone: open, pread in blocks of 1 MiB, memchr for every line end, close, one
// file after the other. Prints one line of JSON: files, lines, bytes, seconds, cpu_seconds.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

struct Totals {
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
};

void read_file(const char* path, std::vector<char>& block, Totals& totals) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    std::perror(path);
    std::exit(1);
  }
  std::uint64_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(fd, block.data(), block.size(), static_cast<off_t>(offset));
    if (got <= 0) break;
    const char* at = block.data();
    const char* const end = at + got;
    while ((at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) != nullptr) {
      ++totals.lines;
      ++at;
    }
    offset += static_cast<std::uint64_t>(got);
  }
  totals.bytes += offset;
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: bare_read FILE...\n", stderr);
    return 2;
  }
  std::vector<char> block(1024 * 1024);
  const auto begin = std::chrono::steady_clock::now();
  Totals totals;
  for (int i = 1; i < argc; ++i) read_file(argv[i], block, totals);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  std::printf("{\"files\": %d, \"lines\": %llu, \"bytes\": %llu, \"seconds\": %.4f, \"cpu_seconds\": %.3f}\n", argc - 1,
              static_cast<unsigned long long>(totals.lines), static_cast<unsigned long long>(totals.bytes),
              took.count(), cpu);
  return 0;
}
