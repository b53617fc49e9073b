// SimContent: one file's bytes, and what of them would be left after a power loss.
//
//   write ──▶ page cache (what every read sees) ──sync──▶ disk
//
// The fault model, in sectors of 512 bytes, each of which is written whole or not at all:
//  - until a sync, a sector on the disk may hold any version that the file had there since the last sync; sectors know
//    nothing of each other's order, nor of the size;
//  - a sync that fails loses what it should have written: the page cache keeps showing it, the kernel thinks it clean,
//  and
//    a later sync that succeeds does not write it. Only writing the sector again does.
// Not modelled: a sector that is half old and half new, bits that rot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <span>
#include <vector>

namespace tailrace {

enum class CrashMode : std::uint8_t {
  keep,  // the kernel had written everything back (but for what a failed sync lost)
  drop,  // it had written nothing back since the last sync
  tear,  // each sector and each size for itself
};

using SimRandom = std::mt19937_64;

class SimContent {
 public:
  std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t allocated() const;  // whole sectors
  const std::vector<std::byte>& bytes() const { return bytes_; }

  std::size_t read(std::span<std::byte> into, std::uint64_t offset) const;
  void write(std::span<const std::byte> from, std::uint64_t offset);
  void resize(std::uint64_t size);  // cuts, or grows by zeros

  void sync();
  // An fsync in the background begins, and ends: what was written in between may be on the disk or not.
  void begin_sync();
  void end_sync();
  void fail_sync();
  void crash(CrashMode mode, SimRandom& random);
  bool is_synced() const { return before_.empty() && lost_.empty() && synced_size_ == size(); }

 private:
  static constexpr std::uint64_t kSector = 512;
  using Sector = std::array<std::byte, kSector>;

  Sector sector_at(std::uint64_t number) const;
  void put_sector(std::uint64_t number, const Sector& sector);
  void remember(std::uint64_t begin, std::uint64_t end);  // before bytes [begin, end) change

  std::vector<std::byte> bytes_;
  std::uint64_t synced_size_ = 0;
  // By sector: what the disk has, then each version since, without the present one. At most kVersionsMax.
  std::map<std::uint64_t, std::vector<Sector>> before_;
  struct Mark {
    Sector sector;
    std::size_t versions;
  };
  std::map<std::uint64_t, Mark> marks_;  // what the fsync under way is to write
  std::uint64_t marked_size_ = 0;
  std::map<std::uint64_t, Sector> lost_;  // what the disk has where a failed sync lost the write
};

}  // namespace tailrace
