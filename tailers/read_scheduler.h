// ReadScheduler: whose turn it is to be read, over all files of one sink. Fair turns of one read each.
//
//   live       a tail that fits one small read: goes first
//   vanishing  renamed away or deleted, with bytes unread (its descriptor holds a disk): goes next, and gets at least a
//              quarter of what backlog leaves, also beside live tails that never run dry
//   backlog    the rest: at least a quarter of the bytes, whatever the others want
//
// A file is in at most one queue, or parked beside what it waits for (a lane's room, memory, acknowledgements). Within
// a class turns go round: one file's backlog never delays another file by more than one read a file. Loop thread only.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "tailers/tail_file.h"

namespace tailrace {

class ReadScheduler {
 public:
  // The file has something to read: queues it by its class. Does nothing when it is queued, in flight or waiting.
  void add(TailFile& file);
  // The next file to read, or nullptr. It leaves the queue: the caller reads it, or says what it waits for.
  TailFile* next();
  // So many bytes were read for a file of that class: the shares are kept by them.
  void charge(const TailFile& file, std::uint64_t bytes);

  // The file could not be read now; `turn` says what it waits for (wants_*).
  void wait(TailFile& file, Turn turn);
  void wake_lane(LaneNumber lane);  // room in that lane
  void wake(Turn turn);             // all that wait for that (not wants_room)
  // Those for which `has_room` says so.
  template <class HasRoom>
  void wake_lanes(const HasRoom& has_room) {
    for (LaneNumber lane = 0; lane_waiters_ > 0 && lane < lanes_.size(); ++lane) {
      if (!lanes_[lane].empty() && has_room(lane)) wake_lane(lane);
    }
  }
  // Takes it out of whatever queue it is in: it is closed, or its class has changed.
  void remove(TailFile& file);

  bool has_queued() const;
  // Something waits for memory, room or acknowledgements: reading is held back by the sink.
  bool is_held_back() const;
  // Something waits for a descriptor.
  bool is_short_of_files() const { return !waiting_[static_cast<std::size_t>(Turn::wants_file)].empty(); }

 private:
  enum Class : std::uint8_t { live, vanishing, backlog };
  using Queue = std::deque<TailFile*>;
  static Class class_of(const TailFile& file);
  bool is_owed(Class of) const;
  void wake_queue(Queue& queue);

  std::array<Queue, 3> queues_;
  std::vector<Queue> lanes_;       // by lane: what waits for its room
  std::array<Queue, 11> waiting_;  // by Turn
  std::size_t lane_waiters_ = 0;
  std::array<std::uint64_t, 3> owed_{};  // bytes, by class; live is owed nothing, it goes first
};

}  // namespace tailrace
