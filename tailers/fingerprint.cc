#include "tailers/fingerprint.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace tailrace {
namespace {

// What of a file's beginning is hashed.
std::span<const std::byte> hashed_part(std::span<const std::byte> first_bytes) {
  std::size_t bytes = std::min<std::size_t>(first_bytes.size(), kPrefixBytesMax);
  while (bytes > 0 && first_bytes[bytes - 1] == std::byte{0}) --bytes;
  return first_bytes.first(bytes);
}

void set_prefix(SourceKey& key, std::span<const std::byte> part) {
  key.prefix_bytes = static_cast<std::uint32_t>(part.size());
  key.prefix_hash = part.empty() ? 0 : hash_bytes(part);
}

}  // namespace

std::uint64_t hash_bytes(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

SourceKey make_key(const FileStat& stat, std::span<const std::byte> first_bytes) {
  SourceKey key{.device = stat.device, .inode = stat.inode, .birth_ns = stat.birth_ns};
  set_prefix(key, hashed_part(first_bytes));
  return key;
}

bool prefix_matches(const SourceKey& known, std::span<const std::byte> first_bytes) {
  if (known.prefix_bytes == 0) return true;
  if (first_bytes.size() < known.prefix_bytes) return false;
  return hash_bytes(first_bytes.first(known.prefix_bytes)) == known.prefix_hash;
}

bool grow(SourceKey& key, std::span<const std::byte> first_bytes) {
  const std::span<const std::byte> part = hashed_part(first_bytes);
  if (part.size() <= key.prefix_bytes || !prefix_matches(key, first_bytes)) return false;
  set_prefix(key, part);
  return true;
}

bool is_inode_of(const SourceKey& known, const FileStat& seen) {
  return known.inode == seen.inode && (known.birth_ns == 0 || seen.birth_ns == 0 || known.birth_ns == seen.birth_ns);
}

Match compare(const SourceKey& known, const SourceKey& seen, std::span<const std::byte> first_bytes) {
  if (known.inode != seen.inode) return Match::different;
  const bool births_known = known.birth_ns != 0 && seen.birth_ns != 0;
  if (births_known && known.birth_ns != seen.birth_ns) return Match::different;
  if (!prefix_matches(known, first_bytes)) return births_known ? Match::rewritten : Match::different;
  return births_known || known.prefix_bytes > 0 ? Match::same : Match::unsure;
}

Result<std::vector<std::byte>> read_prefix(FileSystem& files, int fd) {
  std::vector<std::byte> bytes(kPrefixBytesMax);
  Result<std::size_t> read = files.read_at(fd, bytes, 0);
  if (!read) return std::move(read).error();
  bytes.resize(*read);
  return bytes;
}

}  // namespace tailrace
