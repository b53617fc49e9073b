#include "tailers/read_scheduler.h"

#include <algorithm>

namespace tailrace {
namespace {

// A class that waits is served next once those before it have had three times so much: a quarter for it.
constexpr std::uint64_t kOwedMax = 256 * 1024;
// While nothing of it is queued its debt grows no further: a class that comes back does not hold up live tails for
// long.
constexpr std::uint64_t kOwedIdleMax = 2 * kOwedMax;

bool is_waiting(Turn turn) { return turn != Turn::none && turn != Turn::queued && turn != Turn::in_flight; }

bool erase_from(std::deque<TailFile*>& queue, TailFile& file) {
  const auto it = std::find(queue.begin(), queue.end(), &file);
  if (it == queue.end()) return false;
  queue.erase(it);
  return true;
}

}  // namespace

ReadScheduler::Class ReadScheduler::class_of(const TailFile& file) {
  if (file.is_gone()) return vanishing;
  return file.is_live ? live : backlog;
}

void ReadScheduler::add(TailFile& file) {
  if (file.turn != Turn::none) return;
  file.turn = Turn::queued;
  queues_[class_of(file)].push_back(&file);
}

bool ReadScheduler::is_owed(Class of) const { return owed_[of] >= kOwedMax && !queues_[of].empty(); }

TailFile* ReadScheduler::next() {
  const Class first = is_owed(backlog) ? backlog : is_owed(vanishing) ? vanishing : live;
  const std::array<Class, 4> order = {first, live, vanishing, backlog};
  for (const Class from : order) {
    if (queues_[from].empty()) continue;
    TailFile* file = queues_[from].front();
    queues_[from].pop_front();
    file->turn = Turn::none;
    return file;
  }
  return nullptr;
}

void ReadScheduler::charge(const TailFile& file, std::uint64_t bytes) {
  const Class of = class_of(file);
  owed_[of] -= std::min(owed_[of], bytes);
  // Also when nothing of a class is queued: its one file's read may be under way, and it wants its share all the same.
  for (const Class later : {vanishing, backlog}) {
    if (later <= of || (queues_[later].empty() && owed_[later] >= kOwedIdleMax)) continue;
    owed_[later] += bytes / 3;
  }
}

void ReadScheduler::wait(TailFile& file, Turn turn) {
  TR_ASSERT(is_waiting(turn) && file.turn == Turn::none, "{}: waits in turn {}", file.path,
            static_cast<int>(file.turn));
  file.turn = turn;
  if (turn == Turn::wants_room) {
    if (lanes_.size() <= file.lane) lanes_.resize(file.lane + 1);
    lanes_[file.lane].push_back(&file);
    ++lane_waiters_;
  } else {
    waiting_[static_cast<std::size_t>(turn)].push_back(&file);
  }
}

void ReadScheduler::wake_queue(Queue& queue) {
  Queue woken;
  woken.swap(queue);
  for (TailFile* file : woken) {
    file->turn = Turn::none;
    if (file->has_work()) add(*file);
  }
}

void ReadScheduler::wake_lane(LaneNumber lane) {
  if (lane >= lanes_.size() || lanes_[lane].empty()) return;
  lane_waiters_ -= lanes_[lane].size();
  wake_queue(lanes_[lane]);
}

void ReadScheduler::wake(Turn turn) {
  Queue& queue = waiting_[static_cast<std::size_t>(turn)];
  if (!queue.empty()) wake_queue(queue);
}

void ReadScheduler::remove(TailFile& file) {
  if (file.turn == Turn::queued) {
    for (Queue& queue : queues_) {
      if (erase_from(queue, file)) break;
    }
  } else if (file.turn == Turn::wants_room) {
    if (erase_from(lanes_[file.lane], file)) --lane_waiters_;
  } else if (is_waiting(file.turn)) {
    erase_from(waiting_[static_cast<std::size_t>(file.turn)], file);
  }
  if (file.turn != Turn::in_flight) file.turn = Turn::none;
}

bool ReadScheduler::has_queued() const {
  return std::any_of(queues_.begin(), queues_.end(), [](const Queue& queue) { return !queue.empty(); });
}

bool ReadScheduler::is_held_back() const {
  return lane_waiters_ > 0 || !waiting_[static_cast<std::size_t>(Turn::wants_memory)].empty() ||
         !waiting_[static_cast<std::size_t>(Turn::wants_acks)].empty();
}

}  // namespace tailrace
