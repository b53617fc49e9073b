#include "tailers/file_reader.h"

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "tailers/fingerprint.h"
#include "tailers/line_framer.h"
#include "tailers/tailer.h"

namespace tailrace {
namespace {

// What is read at once for a tail that keeps up; more unread than that is backlog.
constexpr std::uint64_t kLiveBytesMax = 64 * 1024;
// With less room than this (and more unread) it waits for more room.
constexpr std::uint64_t kWorthReading = 64 * 1024;
// Backlog leaves the page cache in pieces of so much; what is left when it is over, if it is worth a call.
constexpr std::uint64_t kUncacheBytes = 4 * 1024 * 1024;
constexpr std::uint64_t kUncacheLastBytes = 256 * 1024;
constexpr std::uint64_t kPageBytes = 4096;
// The kernel keeps pages together and lets go of none that is not wholly inside: each piece begins so much earlier, for
// those that lay across its beginning.
constexpr std::uint64_t kFolioBytesMax = 2 * 1024 * 1024;
// So many pieces may wait for a worker, each with a descriptor: more only where it is a file's last.
constexpr std::size_t kUncachingMax = 8, kUncachingLastMax = 64;
constexpr Duration kRetryFirst = std::chrono::seconds(1);
constexpr std::uint32_t kRetryDoublings = 5;  // 1, 2, 4 ... 32 s
constexpr std::uint32_t kEmptyReadsMax = 8;

Progress progress_at(const Slice& slice, std::uint32_t bytes, Offset end) {
  const auto tail = static_cast<std::uint32_t>(std::min<Offset>(end, kTailBytesMax));
  TR_ASSERT(tail <= bytes, "only {} of the {} bytes before {} are here", bytes, tail, end);
  return {.acked = end, .tail_bytes = tail, .tail_hash = hash_bytes({slice.data() + bytes - tail, tail})};
}

}  // namespace

void FileReader::want(TailFile& file) {
  // Until the first scan is over it is not sure which file comes first under a path.
  if (!file.has_work() || !file.tailer->is_scanned()) return;
  parts_.descriptors.withdraw(file);
  file.is_live = file.unread() <= kLiveBytesMax;
  scheduler_.add(file);
}

std::size_t FileReader::start_reads(Instant now) {
  std::size_t started = 0;
  const std::size_t depth = parts_.engine.depth();
  while (in_flight_.size() < depth) {
    TailFile* file = scheduler_.next();
    if (file == nullptr) break;
    if (file->has_work() && start(*file, now)) ++started;
  }
  return started;
}

bool FileReader::start(TailFile& file, Instant now) {
  if (file.seeks_end && file.fd) {
    scheduler_.wait(file, Turn::wants_end);
    return false;
  }
  for (const TailFile* earlier = file.before; earlier != nullptr; earlier = earlier->before) {
    if (!earlier->has_work() || !earlier->trouble.empty()) continue;
    scheduler_.wait(file, Turn::wants_other);
    if (file.fd) let_pass(file);
    return false;
  }
  if (file.has_lane && outlet_.is_gone(file.lane)) file.has_lane = false;
  if (!file.has_lane && !find_lane(file)) {
    scheduler_.wait(file, Turn::wants_lane);
    return false;
  }
  // What little a read under way leaves is not worth another; what little the sink gives an empty lane is all there is.
  const std::uint64_t free = room(file.lane);
  if (free == 0 || (free < std::min(file.unread(), kWorthReading) && reading(file.lane) > 0)) {
    hold_back(file, Turn::wants_room, now);
    return false;
  }
  // A read that a limit leaves too short for a line would only have to be made again.
  const std::uint64_t unacked = file.books.read() - file.books.acked();
  const std::uint64_t need = std::min(file.unread(), std::max<std::uint64_t>(file.read_want, kWorthReading));
  if (unacked > 0 && unacked + need > outlet_.memory_limit() / 4) {
    hold_back(file, Turn::wants_acks, now);
    return false;
  }
  return file.fd ? start_read(file, now) : start_open(file, now);
}

bool FileReader::find_lane(TailFile& file) {
  const Checkpoint& known = *file.checkpoint;
  const auto found = outlet_.route(known.tailer, known.path, file.tailer->config().labels, known.partition);
  if (!found) return false;
  file.lane = found->lane;
  file.has_lane = true;
  if (found->partition != known.partition) {
    Checkpoint changed = known;
    changed.partition = found->partition;
    file.checkpoint = &parts_.journal.put(std::move(changed));
  }
  return true;
}

// What waits for this one has a descriptor that it will not give: were there none for this one, both would wait for
// ever.
bool FileReader::is_waited_for(const TailFile& file) {
  for (const TailFile* later = file.after; later != nullptr; later = later->after) {
    if (later->fd && later->turn == Turn::wants_other) return true;
  }
  return false;
}

// One that waits for `file`, and can be opened again after it.
TailFile* FileReader::has_to_yield(const TailFile& file) const {
  for (TailFile* later = file.after; later != nullptr; later = later->after) {
    const bool has_name = !later->path.empty() && !later->is_deleted && !later->is_replaced;
    if (!later->fd || later->turn != Turn::wants_other || !has_name || later->is_busy()) continue;
    const Result<FileStat> stat = parts_.files.stat_fd(later->fd.get());  // no event may have told yet that it went
    if (stat && stat->links > 0) return later;
  }
  return nullptr;
}

// Those before `file` that found no descriptor, when nothing that has one was waiting for them yet: there is one now.
void FileReader::let_pass(const TailFile& file) {
  for (TailFile* earlier = file.before; earlier != nullptr; earlier = earlier->before) {
    if (earlier->turn != Turn::wants_file) continue;
    scheduler_.remove(*earlier);
    scheduler_.add(*earlier);
  }
}

bool FileReader::start_open(TailFile& file, Instant now) {
  if (file.path.empty()) {
    file.tailer->path_lost(file, now);
    return false;
  }
  while (!parts_.descriptors.has_room() && !(parts_.descriptors.has_spare() && is_waited_for(file))) {
    if (TailFile* victim = parts_.descriptors.least_useful(); victim != nullptr) {
      victim->tailer->reader().lend(*victim, now);
    } else if (TailFile* later = has_to_yield(file); later != nullptr) {
      close(*later);
    } else {
      scheduler_.wait(file, Turn::wants_file);
      return false;
    }
  }
  parts_.descriptors.opened();  // its place is taken from now on
  file.turn = Turn::in_flight;
  const std::uint64_t token =
      in_flight_.put({.file = &file, .kind = Kind::open, .slice = {}, .path = file.path, .aside = {}});
  parts_.engine.submit(
      {.op = IoRequest::Op::open, .path = in_flight_[token].path.c_str(), .client = this, .token = token});
  return true;
}

std::uint64_t FileReader::reading(LaneNumber lane) const { return lane < reading_.size() ? reading_[lane] : 0; }

void FileReader::add_reading(LaneNumber lane, std::int64_t bytes) {
  if (reading_.size() <= lane) reading_.resize(lane + 1);
  reading_[lane] += static_cast<std::uint64_t>(bytes);
  outlet_.set_reading(lane, reading_[lane]);
}

std::uint64_t FileReader::room(LaneNumber lane) const {
  const std::uint64_t room = outlet_.room(lane);
  return room - std::min(room, reading(lane));
}

std::uint32_t FileReader::bytes_to_read(const TailFile& file) const {
  const std::uint64_t unacked = file.books.read() - file.books.acked();
  std::uint64_t bytes = std::min<std::uint64_t>(file.unread(), outlet_.read_bytes_best());
  bytes = std::min(bytes, room(file.lane));
  bytes = std::min(bytes, outlet_.memory_limit() / 4 - std::min(unacked, outlet_.memory_limit() / 4));
  if (file.books.read() == 0) bytes = std::max<std::uint64_t>(bytes, file.checkpoint->key.prefix_bytes);
  // A long line needs its whole length at once; the limits above are for many lines.
  bytes = std::max<std::uint64_t>(bytes, std::min<std::uint64_t>(file.unread(), file.read_want));
  return static_cast<std::uint32_t>(bytes);
}

bool FileReader::start_read(TailFile& file, Instant now) {
  const std::uint32_t bytes = bytes_to_read(file);
  const std::uint32_t tail = file.books.at_read().tail_bytes;
  std::optional<Slice> slice;
  // Without memory for the books of one line the read would be for nothing.
  if (outlet_.records_left() > 0) slice = outlet_.reserve(file.lane, tail + bytes, tail + file.unread());
  if (!slice) {
    hold_back(file, Turn::wants_memory, now);
    return false;
  }
  file.turn = Turn::in_flight;
  file.must_reread = false;
  add_reading(file.lane, bytes);
  std::byte* into = slice->data();
  const std::uint64_t token = in_flight_.put({.file = &file,
                                              .kind = Kind::read,
                                              .slice = std::move(*slice),
                                              .tail = tail,
                                              .bytes = tail + bytes,
                                              .at = file.books.read(),
                                              .size = file.size,
                                              .cuts = file.cuts,
                                              .path = {},
                                              .aside = {}});
  parts_.engine.submit({.op = IoRequest::Op::read,
                        .fd = file.fd.get(),
                        .buffer = into,
                        .bytes = tail + bytes,
                        .offset = file.books.read() - tail,
                        .client = this,
                        .token = token});
  return true;
}

void FileReader::on_io_done(std::uint64_t token, std::int64_t result, Instant now) {
  InFlight io = in_flight_.take(token);
  TailFile& file = *io.file;
  const LaneNumber lane = file.lane;
  switch (io.kind) {
    case Kind::open:
      file.turn = Turn::none;
      opened(file, io.path, result, now);
      break;
    case Kind::read:
      file.turn = Turn::none;
      add_reading(lane, -std::int64_t{io.bytes - io.tail});
      read_done(io, result, now);
      if (io.slice) {  // nothing of it was published
        io.slice.release();
        memory_freed();
      }
      // What waited only because of this read has nobody else to wake it.
      if (reading_[lane] == 0) scheduler_.wake_lane(lane);
      break;
    case Kind::prefix:
    case Kind::verify:
      aside_done(io, result, now);
      break;
    case Kind::peek:
      peeked(file, io, result, now);
      break;
  }
}

void FileReader::opened(TailFile& file, const std::string& path, std::int64_t result, Instant now) {
  if (result < 0) {
    parts_.descriptors.closed();
    parts_.has_free_descriptor = true;
    const auto error = static_cast<int>(-result);
    if (error == ENOENT || error == ENOTDIR || error == ESTALE || error == ELOOP) {
      file.tailer->path_lost(file, now);
    } else {
      failed(file, error, "open", now);
    }
    return;
  }
  file.fd = parts_.files.adopt(static_cast<int>(result));
  const Result<FileStat> stat = parts_.files.stat_fd(file.fd.get());
  const SourceKey& key = file.checkpoint->key;
  if (!stat || stat->type != FileType::regular || !is_inode_of(key, *stat) || file.tailer->has_successor(file, path)) {
    close(file);
    if (stat) file.tailer->found_another(path, *stat, now);
    file.tailer->path_lost(file, now);
    return;
  }
  file.trouble.clear();
  file.retries = 0;
  file.tailer->look(file, now);
}

void FileReader::read_done(InFlight& io, std::int64_t result, Instant now) {
  TailFile& file = *io.file;
  if (result < 0) {
    failed(file, static_cast<int>(-result), "read", now);
    return;
  }
  if (io.at != file.books.read()) {  // rewound meanwhile: these are not the bytes that come next
    want(file);
    file.tailer->after_aside(file, now);
    return;
  }
  const auto got = static_cast<std::uint32_t>(result);
  const Progress& known = file.books.at_read();
  // A read may give less than there is; whether the file is shorter only a look can tell.
  if (got >= io.tail && io.tail > 0 && hash_bytes({io.slice.data(), io.tail}) != known.tail_hash) {
    file.tailer->truncated(file, file.proven, now);
    return;
  }
  std::uint32_t data = got - std::min(got, io.tail);
  // At the very beginning there is nothing before it to compare: the fingerprint tells, if enough was read for it.
  const SourceKey& key = file.checkpoint->key;
  if (io.tail == 0 && data < key.prefix_bytes) {
    data = 0;
  } else if (io.tail == 0 && !prefix_matches(key, {io.slice.data(), data})) {
    file.tailer->truncated(file, file.proven, now);
    return;
  }
  if (got >= io.tail && (io.tail > 0 || data > 0)) file.tailer->proved(file, io.size, io.cuts);
  const Offset reached = file.books.read() + data;
  if (got < io.bytes) file.must_look = true;  // it ends earlier than we thought: cut, unless it has grown since
  if (io.tail == 0 && key.prefix_bytes == 0 && file.must_look) {
    // Nothing proves whose bytes these are: has it been cut since?
    file.must_look = false;
    if (!file.tailer->look(file, now)) return;
  }
  if (reached > file.size) file.size = reached;
  file.extent = std::max(file.extent, file.size);
  if (data > 0) {
    if (io.tail == 0) keep_prefix(file, {io.slice.data(), data});
    const std::uint32_t lines = without_reserved(file, {io.slice.data() + io.tail, data}, reached);
    publish(io, lines, reached >= file.size && got == io.bytes, now);
    // Nothing but zeros after a line that has no end yet, and the file goes on: perhaps with more of them.
    file.seeks_end = lines < data && reached < file.size && file.books.read() == io.at;
    read_aside(file);
    uncache(file, io.at);
  }
  if (file.must_look) {
    file.must_look = false;
    if (!file.tailer->look(file, now)) return;  // it was cut: it goes on as another
  }
  // It may have grown between the read and the look; but not again and again.
  file.empty_reads = data == 0 ? file.empty_reads + 1 : 0;
  if (file.empty_reads > kEmptyReadsMax && file.has_work()) {
    file.empty_reads = 0;
    failed(file, EIO, "read", now);  // the file system says that there is more, and gives nothing
    return;
  }
  want(file);
  file.tailer->after_read(file, now);
}

void FileReader::publish(InFlight& io, std::uint32_t data, bool reached_end, Instant now) {
  TailFile& file = *io.file;
  const TailerConfig& config = file.tailer->config();
  const FrameLimits limits{.line_bytes_max = static_cast<std::uint32_t>(config.max_line)};
  const bool is_last = file.is_ending && reached_end;
  FrameState state{.inside_long_line = io.tail > 0 && io.slice.data()[io.tail - 1] != std::byte{'\n'}};
  lines_.clear();
  FrameResult framed = frame_lines({io.slice.data() + io.tail, data}, io.tail, limits, is_last, state, lines_);
  const Offset begin = file.books.read();
  // Short lines need more memory for their books than for themselves: no more of them than fit.
  if (const std::uint64_t fit = outlet_.records_left(); lines_.size() > fit) {
    if (fit == 0) {
      lines_.clear();
      scheduler_.wait(file, Turn::wants_memory);
      return;
    }
    data = lines_[fit].begin - io.tail;
    lines_.clear();
    state = {.inside_long_line = io.tail > 0 && io.slice.data()[io.tail - 1] != std::byte{'\n'}};
    framed = frame_lines({io.slice.data() + io.tail, data}, io.tail, limits, false, state, lines_);
  }
  if (framed.consumed == 0) {
    file.scanned_to = std::max(file.scanned_to, begin + data);
    file.read_want = static_cast<std::uint32_t>(limits.progress_bytes());
    if (file.unread() <= data) file.read_want = 0;  // all of it is here: the line's end has not come yet
    return;
  }
  const Offset end = begin + framed.consumed;
  const Progress at_end = progress_at(io.slice, io.tail + framed.consumed, end);
  TailerCounters& counters = file.tailer->counters();
  counters.long_lines_split += framed.long_lines;
  if (is_last && io.slice.data()[io.tail + framed.consumed - 1] != std::byte{'\n'}) ++counters.long_lines_cut;
  file.read_want = 0;
  file.scanned_to = begin + data;
  if (lines_.empty()) {
    const LedgerMove move = parts_.ledger.skip(file.books, at_end, now);
    counters.read_bytes += move.fresh_bytes;
    file.tailer->settled(file, move, now);
    return;
  }
  const BatchId id = parts_.next_batch++;
  const std::uint64_t fresh = parts_.ledger.open(
      file.books,
      {.id = id, .begin = begin, .at_end = at_end, .lines = static_cast<std::uint32_t>(lines_.size()), .read_at = now});
  counters.read_bytes += fresh;
  const std::uint64_t counted = framed.consumed - fresh;  // bytes of this batch that were read before
  for (const Line& line : lines_) counters.read_lines += line.begin - io.tail >= counted ? 1 : 0;
  io.slice.shrink(io.tail + framed.consumed);
  scheduler_.charge(file, framed.consumed);
  outlet_.publish(file.lane,
                  {.id = id,
                   .source = file.books.id(),
                   .begin = begin,
                   .end = end,
                   .slice = std::move(io.slice),
                   .slice_offset = begin - io.tail,
                   .lines = lines_,
                   .is_rereadable = !file.is_replaced},
                  now);
  if (file.checkpoint->key.prefix_bytes < kPrefixBytesMax &&
      std::min<Offset>(end, kPrefixBytesMax) >= std::max<Offset>(2 * Offset{file.checkpoint->key.prefix_bytes}, 1)) {
    start_prefix(file);
  }
}

// A backlog is read once and not again: left in the page cache it would push out what the applications work with. A
// live tail's bytes are the ones that others may be reading too.
void FileReader::uncache(TailFile& file, Offset began) {
  const Offset read = file.books.read() / kPageBytes * kPageBytes;
  if (file.cached_from == 0 || file.cached_from > began) file.cached_from = began / kPageBytes * kPageBytes;
  const bool is_over = file.is_live || !file.has_work();
  const std::uint64_t cached = read - file.cached_from;
  if (cached >= (is_over ? kUncacheLastBytes : kUncacheBytes) &&
      uncaching_ < (is_over ? kUncachingLastMax : kUncachingMax) && file.fd) {
    std::function<void()> work =
        parts_.files.uncache(file.fd.get(), file.cached_from - std::min(file.cached_from, kFolioBytesMax), read);
    if (work) {
      ++uncaching_;
      parts_.workers.submit(owner_, std::move(work), [this](Instant) { --uncaching_; });
    }
    file.cached_from = read;
  } else if (is_over) {
    file.cached_from = read;
  }
}

// The fingerprint grows with the file: read again when what is there has doubled, until it is whole.
void FileReader::start_prefix(TailFile& file) { start_aside(file, Kind::prefix, 0, kPrefixBytesMax); }

void FileReader::verify(TailFile& file) {
  const Progress& known = file.books.at_read();
  if (file.turn == Turn::in_flight) return;
  if (known.tail_bytes == 0) return start_prefix(file);  // at its beginning the fingerprint is all there is
  start_aside(file, Kind::verify, known.acked - known.tail_bytes, known.tail_bytes);
}

void FileReader::start_aside(TailFile& file, Kind kind, Offset offset, std::uint32_t bytes) {
  if (file.is_reading_aside || !file.fd) return;
  file.is_reading_aside = true;
  parts_.descriptors.withdraw(file);
  const std::uint64_t token = in_flight_.put({.file = &file,
                                              .kind = kind,
                                              .slice = {},
                                              .at = file.books.read(),
                                              .size = file.size,
                                              .cuts = file.cuts,
                                              .path = {},
                                              .aside = std::vector<std::byte>(bytes)});
  parts_.engine.submit({.op = IoRequest::Op::read,
                        .fd = file.fd.get(),
                        .buffer = in_flight_[token].aside.data(),
                        .bytes = bytes,
                        .offset = offset,
                        .client = this,
                        .token = token});
}

void FileReader::aside_done(InFlight& io, std::int64_t result, Instant now) {
  TailFile& file = *io.file;
  file.is_reading_aside = false;
  if (io.kind == Kind::prefix && result > 0) {
    const std::span<const std::byte> first_bytes{io.aside.data(), static_cast<std::size_t>(result)};
    const SourceKey& key = file.checkpoint->key;
    if (first_bytes.size() >= key.prefix_bytes && !prefix_matches(key, first_bytes) && file.turn != Turn::in_flight) {
      file.tailer->truncated(file, file.proven, now);
      return;
    }
    if (first_bytes.size() < std::min<Offset>(io.size, kPrefixBytesMax)) {
      file.must_look = true;  // it ends earlier than we thought: this may be another content already
    } else {
      file.tailer->proved(file, io.size, io.cuts);
      keep_prefix(file, first_bytes);
    }
  } else if (io.kind == Kind::verify && result >= 0 && file.turn != Turn::in_flight) {
    // A read may have moved on meanwhile; it has compared for itself.
    const Progress& known = file.books.at_read();
    const bool is_whole = static_cast<std::size_t>(result) == io.aside.size();
    if (io.at == known.acked && is_whole && hash_bytes(io.aside) != known.tail_hash) {
      file.tailer->truncated(file, file.proven, now);
      return;
    }
    if (!is_whole) file.must_look = true;
    if (is_whole && io.at == known.acked) file.tailer->proved(file, io.size, io.cuts);
  }
  file.tailer->after_aside(file, now);
}

void FileReader::keep_prefix(TailFile& file, std::span<const std::byte> first_bytes) {
  SourceKey key = file.checkpoint->key;
  if (!grow(key, first_bytes.first(std::min<std::size_t>(first_bytes.size(), kPrefixBytesMax)))) return;
  Checkpoint changed = *file.checkpoint;
  changed.key = key;
  changed.size_seen = std::max(changed.size_seen, file.size);
  file.checkpoint = &parts_.journal.put(std::move(changed));
}

void FileReader::failed(TailFile& file, int sys_errno, std::string_view verb, Instant now) {
  TailerCounters& counters = file.tailer->counters();
  if (sys_errno == EMFILE || sys_errno == ENFILE) {
    ++counters.open_errors[static_cast<std::size_t>(OpenErrorReason::emfile)];
    if (TailFile* victim = parts_.descriptors.least_useful(); victim != nullptr)
      victim->tailer->reader().lend(*victim, now);
  } else if (sys_errno == EACCES || sys_errno == EPERM) {
    ++counters.open_errors[static_cast<std::size_t>(OpenErrorReason::permission)];
  } else {
    ++counters.open_errors[static_cast<std::size_t>(OpenErrorReason::io)];
  }
  std::string text =
      Error::from_errno(sys_errno).during(verb, file.path.empty() ? file.checkpoint->path : file.path).text();
  if (file.trouble != text) {
    log::warn("{}; it is tried again, the other files go on", text);
    file.trouble = std::move(text);
  }
  file.tailer->met_error();
  scheduler_.remove(file);
  scheduler_.wait(file, Turn::wants_retry);
  const Duration delay = kRetryFirst * (1u << std::min(file.retries++, kRetryDoublings));
  file.retry_at = now + delay;
  retries_.emplace(file.retry_at, &file);
  file.tailer->wake_followers(file);  // they do not wait for what may never come
}

// A turn reads only so many rounds: what is queued after it goes on with the next one.
Instant FileReader::next_deadline() const {
  if (scheduler_.has_queued() && in_flight_.size() < parts_.engine.depth()) return Instant::min();
  if (parts_.has_free_descriptor && scheduler_.is_short_of_files()) return Instant::min();
  return retries_.empty() ? kNever : retries_.begin()->first;
}

void FileReader::on_deadline(Instant now) {
  while (!retries_.empty() && retries_.begin()->first <= now) {
    TailFile& file = *retries_.begin()->second;
    retries_.erase(retries_.begin());
    file.retry_at = kNever;
    if (file.turn != Turn::wants_retry) continue;
    scheduler_.remove(file);
    if (file.fd) file.trouble.clear();
    want(file);
    if (!file.has_work()) file.tailer->after_read(file, now);
  }
}

void FileReader::acked(TailFile& file) {
  if (file.turn == Turn::wants_acks || file.turn == Turn::wants_other) scheduler_.remove(file);
  want(file);
}

void FileReader::room_changed() {
  scheduler_.wake(Turn::wants_lane);
  // Where there is none now its files would only queue to wait again.
  scheduler_.wake_lanes([this](LaneNumber lane) { return room(lane) > 0 || outlet_.is_gone(lane); });
  memory_freed();
}

void FileReader::close(TailFile& file) {
  if (!file.fd) return;
  parts_.descriptors.withdraw(file);
  file.seeks_end = false;
  file.fd.reset();
  parts_.descriptors.closed();
  parts_.has_free_descriptor = true;
}

void FileReader::lend(TailFile& file, Instant now) {
  if (!file.tailer->look(file, now) || !file.fd) return;
  if (file.is_deleted || file.is_busy() || file.has_work()) return;
  close(file);
}

void FileReader::forget(TailFile& file) {
  TR_ASSERT(!file.is_busy(), "{}: forgotten while a read is under way", file.path);
  scheduler_.remove(file);
  if (file.retry_at != kNever) retries_.erase({file.retry_at, &file});
  close(file);
  parts_.descriptors.withdraw(file);
}

}  // namespace tailrace
