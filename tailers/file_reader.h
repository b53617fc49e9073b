// FileReader: reads the files of one sink in fair turns, makes lines of what it read and publishes them.
//
//   want ─▶ ReadScheduler ─▶ open? ─▶ read (64 bytes early) ─▶ compare ─▶ frame ─▶ ledger, sink
//
// One reader a sink, so that a stalled sink stops its own files only. One read of a file is under way at a time, of
// many files as many as the engine can use. Loop thread only.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/io_engine.h"
#include "base/slots.h"
#include "tailers/outlet.h"
#include "tailers/parts.h"
#include "tailers/read_scheduler.h"

namespace tailrace {

class FileReader final : public IoClient {
 public:
  FileReader(Parts& parts, Outlet& outlet) : parts_(parts), outlet_(outlet) {}

  // The file may have something to read: queues it, if it has.
  void want(TailFile& file);
  // Starts reads while turns, memory and the engine's depth allow. Returns how many.
  std::size_t start_reads(Instant now);
  void on_io_done(std::uint64_t token, std::int64_t result, Instant now) override;

  void acked(TailFile& file);  // its acked offset moved
  void room_changed();         // the sink says that lanes may have room, or be known, now
  void wake_lane(LaneNumber lane) { scheduler_.wake_lane(lane); }
  void memory_freed() { scheduler_.wake(Turn::wants_memory); }
  void descriptor_freed() { scheduler_.wake(Turn::wants_file); }
  // Compares the bytes before its offset with those we knew: it was written to, yet is no larger.
  void verify(TailFile& file);
  // What is still to be looked at in it (cut_bytes, seeks_end, must_peek), one after the other.
  void read_aside(TailFile& file);
  // It cannot be read now, and perhaps ends with zeros that are no lag: a worker looks, at most once a second.
  void seek_end(TailFile& file, Instant now);
  void forget(TailFile& file);  // never while a read of it is in flight
  // Closes one that was offered to the budget, unless there is more to read of it than was known.
  void lend(TailFile& file, Instant now);

  void on_deadline(Instant now);  // tries again what failed
  Instant next_deadline() const;
  bool is_held_back() const { return scheduler_.is_held_back(); }
  std::size_t in_flight() const { return in_flight_.size(); }
  Outlet& outlet() { return outlet_; }
  void close(TailFile& file);  // its descriptor

 private:
  enum class Kind : std::uint8_t { open, read, prefix, verify, peek };
  struct InFlight {
    TailFile* file = nullptr;
    Kind kind = Kind::read;
    Slice slice;                   // read
    std::uint32_t tail = 0;        // so many bytes before `read` come first
    std::uint32_t bytes = 0;       // asked for
    Offset at = 0;                 // read, verify: where `read` stood
    Offset size = 0;               // read, verify, peek: the file's, as it was known then
    std::uint32_t cuts = 0;        // likewise
    std::string path;              // open
    std::vector<std::byte> aside;  // prefix, verify, peek
  };

  struct EndSearch;

  bool start(TailFile& file, Instant now);
  bool find_lane(TailFile& file);
  bool start_open(TailFile& file, Instant now);
  static bool is_waited_for(const TailFile& file);
  TailFile* has_to_yield(const TailFile& file) const;
  void let_pass(const TailFile& file);  // which waits, and has a descriptor
  bool start_read(TailFile& file, Instant now);
  std::uint32_t bytes_to_read(const TailFile& file) const;
  std::uint64_t reading(LaneNumber lane) const;  // under way for it
  void add_reading(LaneNumber lane, std::int64_t bytes);
  std::uint64_t room(LaneNumber lane) const;  // less what is being read for it
  void start_prefix(TailFile& file);
  void start_aside(TailFile& file, Kind kind, Offset offset, std::uint32_t bytes);

  void opened(TailFile& file, const std::string& path, std::int64_t result, Instant now);
  void read_done(InFlight& io, std::int64_t result, Instant now);
  void publish(InFlight& io, std::uint32_t data, bool reached_end, Instant now);
  void aside_done(InFlight& io, std::int64_t result, Instant now);
  // Zeros at the end of what was read, at most `reached`: so many of its bytes may be lines.
  std::uint32_t without_reserved(TailFile& file, std::span<const std::byte> bytes, Offset reached);
  void start_end_search(TailFile& file);
  void search_end(TailFile& file, const std::shared_ptr<EndSearch>& search);
  void end_searched(TailFile& file, const std::shared_ptr<EndSearch>& search, Instant now);
  void peeked(TailFile& file, const InFlight& io, std::int64_t result, Instant now);
  void hold_back(TailFile& file, Turn turn, Instant now);
  void uncache(TailFile& file, Offset began);  // after a read from `began` on
  void keep_prefix(TailFile& file, std::span<const std::byte> first_bytes);
  void failed(TailFile& file, int sys_errno, std::string_view verb, Instant now);

  Parts& parts_;
  Outlet& outlet_;
  ReadScheduler scheduler_;
  Slots<InFlight> in_flight_;
  std::vector<std::uint64_t> reading_;  // bytes, by lane
  std::size_t uncaching_ = 0;           // calls that wait for a worker
  WorkOwner owner_;
  std::set<std::pair<Instant, TailFile*>, ByTimeAndId> retries_;
  std::vector<Line> lines_;  // kept for its capacity
};

}  // namespace tailrace
