#include "tailers/data_end.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace tailrace {
namespace {

// The first look is a small one: most files end with data.
constexpr std::uint64_t kFirstBytes = 4096;
constexpr std::uint64_t kReadBytes = 256 * 1024;
constexpr std::uint64_t kPieceBytes = 16 * 1024 * 1024;

}  // namespace

std::size_t bytes_without_zeros(std::span<const std::byte> bytes) {
  std::size_t end = bytes.size();
  while (end >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + end - sizeof word, sizeof word);
    if (word != 0) break;
    end -= sizeof word;
  }
  while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
  return end;
}

Status search_data_end(FileSystem& files, int fd, DataEndSearch& search) {
  if (search.end > search.begin) {
    const Result<std::uint64_t> end = files.data_end(fd, search.begin, search.end);
    if (end) search.end = std::clamp(*end, search.begin, search.end);
  }
  const Offset stop = search.end - std::min(search.end - search.begin, kPieceBytes);
  std::vector<std::byte> bytes;
  while (search.end > stop) {
    const std::uint64_t want = std::min(search.end - stop, bytes.empty() ? kFirstBytes : kReadBytes);
    const Offset from = search.end - want;
    bytes.resize(want);
    Result<std::size_t> got = files.read_at(fd, bytes, from);
    if (!got) return std::move(got).error();
    // Fewer bytes: it was cut meanwhile, and ends there.
    const std::size_t left = bytes_without_zeros(std::span(bytes).first(*got));
    search.end = from + left;
    if (left > 0) {
      search.is_over = true;
      return {};
    }
  }
  search.is_over = search.end == search.begin;
  return {};
}

}  // namespace tailrace
