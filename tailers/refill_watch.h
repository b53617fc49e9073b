// RefillWatch: files with bytes past their offset that may be written over without anybody telling of it: reserved
// zeros, an unfinished last line. A writer that has mapped its file into memory changes neither its size nor, for a
// while, its times, and no event comes.
//
// Says whose turn it is to be read again. All together never take more than 1 % of a core: past that everybody's turn
// comes later. Loop thread only.
#pragma once

#include <set>
#include <utility>

#include "tailers/tail_file.h"

namespace tailrace {

inline constexpr Duration kRefillEvery = std::chrono::seconds(5);

class RefillWatch {
 public:
  // One that is in it already keeps the earlier time.
  void add(TailFile& file, Instant at);
  void remove(TailFile& file);
  // The next one that is due, and no longer in it; nullptr when none is, or the others have cost enough for now.
  TailFile* next(Instant now);
  // So many bytes are read for one that `next` gave.
  void charge(std::uint64_t bytes, Instant now);
  Instant next_deadline() const;

  template <class Call>
  void for_each(const Call& call) const {
    for (const auto& [at, file] : files_) call(*file);
  }

 private:
  std::set<std::pair<Instant, TailFile*>, ByTimeAndId> files_;
  Instant allowed_at_{};
};

}  // namespace tailrace
