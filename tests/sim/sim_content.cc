#include "tests/sim/sim_content.h"

#include <algorithm>
#include <cstring>

namespace tailrace {
namespace {

constexpr std::size_t kVersionsMax = 8;

}  // namespace

std::uint64_t SimContent::allocated() const { return (bytes_.size() + kSector - 1) / kSector * kSector; }

std::size_t SimContent::read(std::span<std::byte> into, std::uint64_t offset) const {
  if (offset >= bytes_.size() || into.empty()) return 0;
  const std::size_t n = std::min<std::size_t>(into.size(), bytes_.size() - offset);
  std::memcpy(into.data(), bytes_.data() + offset, n);
  return n;
}

void SimContent::write(std::span<const std::byte> from, std::uint64_t offset) {
  if (from.empty()) return;
  remember(offset, offset + from.size());
  if (bytes_.size() < offset + from.size()) bytes_.resize(offset + from.size());
  std::memcpy(bytes_.data() + offset, from.data(), from.size());
}

void SimContent::resize(std::uint64_t size) {
  if (size < bytes_.size()) remember(size, bytes_.size());
  bytes_.resize(size);
}

void SimContent::sync() {
  before_.clear();
  synced_size_ = size();
}

void SimContent::begin_sync() {
  marks_.clear();
  marked_size_ = size();
  for (const auto& [number, versions] : before_)
    marks_[number] = {.sector = sector_at(number), .versions = versions.size()};
}

void SimContent::end_sync() {
  for (const auto& [number, mark] : marks_) {
    const auto found = before_.find(number);
    if (found == before_.end()) continue;
    if (sector_at(number) == mark.sector) {
      before_.erase(found);
      continue;
    }
    std::vector<Sector> since{mark.sector};
    for (std::size_t i = mark.versions + 1; i < found->second.size(); ++i) since.push_back(found->second[i]);
    found->second = std::move(since);
  }
  marks_.clear();
  synced_size_ = marked_size_;
}

void SimContent::fail_sync() {
  for (const auto& [number, versions] : before_) lost_.emplace(number, versions.front());
  before_.clear();
}

void SimContent::crash(CrashMode mode, SimRandom& random) {
  auto coin = [&random](std::size_t sides) { return static_cast<std::size_t>(random() % sides); };
  std::uint64_t size_after = size();
  if (mode == CrashMode::drop || (mode == CrashMode::tear && coin(2) == 0)) size_after = synced_size_;
  bytes_.resize(std::max(size(), synced_size_));
  for (const auto& [number, versions] : before_) {
    if (mode == CrashMode::keep) continue;
    const std::size_t choice = mode == CrashMode::drop ? 0 : coin(versions.size() + 1);
    if (choice < versions.size()) put_sector(number, versions[choice]);
  }
  for (const auto& [number, sector] : lost_) put_sector(number, sector);
  bytes_.resize(size_after);
  lost_.clear();
  sync();
}

SimContent::Sector SimContent::sector_at(std::uint64_t number) const {
  Sector sector{};
  read(sector, number * kSector);
  return sector;
}

void SimContent::put_sector(std::uint64_t number, const Sector& sector) {
  const std::uint64_t begin = number * kSector;
  if (begin >= bytes_.size()) return;
  std::memcpy(bytes_.data() + begin, sector.data(), std::min<std::size_t>(kSector, bytes_.size() - begin));
}

void SimContent::remember(std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t number = begin / kSector; number * kSector < end; ++number) {
    std::vector<Sector>& versions = before_[number];
    if (const auto lost = lost_.find(number); lost != lost_.end()) {
      versions.push_back(lost->second);
      lost_.erase(lost);
    }
    if (versions.size() == kVersionsMax) versions.pop_back();
    versions.push_back(sector_at(number));
  }
}

}  // namespace tailrace
