// Fingerprint: by what a file is recognised. Makes, grows and compares SourceKeys.
//
//   inode    differs                               -> different
//   birth    both known and they differ            -> different      a new file in a reused inode
//   prefix   not what we hashed, birth agrees      -> rewritten      truncated and written anew in place
//            not what we hashed, birth unknown     -> different      either; it is read from its beginning anyway
//            as we hashed it, or birth agrees      -> same
//            nothing was hashed, birth unknown     -> unsure         only the bytes before the offset can tell
//
// The device number never decides. Pure functions but for read_prefix; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/file_system.h"
#include "buffer/source.h"

namespace tailrace {

enum class Match : std::uint8_t { same, different, unsure, rewritten };

// XXH3_64bits: of prefixes, and of the bytes before an offset (Progress::tail_hash).
std::uint64_t hash_bytes(std::span<const std::byte> bytes);

// `first_bytes`: the file's beginning, as read_prefix gives it. Zero bytes at its end are left out of the hash: writers
// that preallocate have yet to write over them.
SourceKey make_key(const FileStat& stat, std::span<const std::byte> first_bytes);

// Whether a file that begins with `first_bytes` begins with what `known` hashed. False when there are fewer bytes than
// that; true when nothing was hashed.
bool prefix_matches(const SourceKey& known, std::span<const std::byte> first_bytes);

// Takes what has come to the beginning since into the hash. False, and `key` unchanged, when there is nothing new or
// the beginning is not the one that `key` knows.
bool grow(SourceKey& key, std::span<const std::byte> first_bytes);

// Whether the file with `seen`'s inode and birth time that begins with `first_bytes` is the one that `known` describes.
Match compare(const SourceKey& known, const SourceKey& seen, std::span<const std::byte> first_bytes);

// By inode and, where both are known, birth time: not a new file in a reused inode.
bool is_inode_of(const SourceKey& known, const FileStat& seen);

// The first kPrefixBytesMax bytes, or as many as there are. Blocks.
Result<std::vector<std::byte>> read_prefix(FileSystem& files, int fd);

}  // namespace tailrace
