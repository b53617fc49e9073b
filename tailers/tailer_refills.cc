// Bytes that change without the file growing: reserved zeros that are written over, an unfinished last line that
// becomes another one, another content of the same size.
#include <algorithm>

#include "base/log.h"
#include "tailers/tailer.h"

namespace tailrace {
namespace {

// A file system's clock ticks: a write right after a look may bear the same time. A time that is so young is taken for
// one that says nothing.
constexpr Duration kTimesTick = std::chrono::seconds(2);
// What is read of one file at once, about: an unfinished line, the first of its zeros.
constexpr std::uint64_t kRereadBytesMax = 64 * 1024;

}  // namespace

void Tailer::note_times(TailFile& file, WallTime modified) const {
  file.modified = modified;
  const bool is_young = age_of(parts_.wall, modified) < kTimesTick && age_of(modified, parts_.wall) < kTimesTick;
  file.compared = is_young ? TailFile::kNotCompared : modified;
}

bool Tailer::look_closely(TailFile& file, Instant now) {
  const Offset extent = file.extent;
  if (!look(file, now)) return false;
  if (file.is_forgotten || !file.fd || file.modified == file.compared) return true;
  if (file.extent <= extent) recheck(file);
  note_times(file, file.modified);
  return true;
}

void Tailer::recheck(TailFile& file) {
  if (file.is_replaced || file.is_parked || !file.fd) return;
  file.must_peek = file.extent > file.size;
  if (file.size > file.books.read()) {
    file.must_reread = true;
    reader_.want(file);
  }
  if (!file.has_work()) reader_.verify(file);
  reader_.read_aside(file);
}

// What was cut off had not been read. It was lost if this still is the same file; if not, it was truncated.
void Tailer::cut_behind(TailFile& file, Offset size) {
  file.cut_from = std::max(file.cut_from, file.size);
  file.cut_bytes += file.size - size;
  ++file.cuts;
  file.set_size(size);
  file.marks.cut(size);
  file.scanned_to = std::min(file.scanned_to, size);
  file.must_look = file.is_busy();  // it may have been read before it was cut
  update_lag(file);
  reader_.read_aside(file);
}

void Tailer::proved(TailFile& file, Offset size, std::uint32_t cuts) {
  file.proven = std::max(file.proven, std::min(size, file.size));
  if (file.cut_bytes == 0 || cuts != file.cuts) return;
  file.proven = std::min(size, file.size);
  file.cut_from = 0;
  lost(file, LostReason::truncated, std::exchange(file.cut_bytes, 0));
  if (file.checkpoint->size_seen > file.size) remember(file);
  if (file.checkpoint->key.prefix_bytes <= file.size) return;
  Checkpoint changed = *file.checkpoint;  // its fingerprint was of more than is left, and grows anew
  changed.key.prefix_bytes = 0;
  changed.key.prefix_hash = 0;
  file.checkpoint = &parts_.journal.put(std::move(changed));
}

void Tailer::reserved(TailFile& file, Offset size) {
  size = std::max(size, file.books.read());
  if (size >= file.size) return;
  file.size = size;
  file.marks.cut(size);
  file.proven = std::min(file.proven, size);
  file.scanned_to = std::min(file.scanned_to, size);
  // Should it be gone after a crash, zeros are no loss.
  if (file.checkpoint->size_seen > size) remember(file);
  update_lag(file);
}

void Tailer::filled(TailFile& file, Offset size, Instant now) {
  if (size <= file.size) return;
  const Offset extent = std::max(file.extent, size);
  grew(file, size, now);
  file.extent = extent;
  reader_.want(file);
}

// Draining: so far the file went when it was to be read to its end.
void Tailer::peeked(TailFile& file) {
  if (file.target != TailFile::kNoTarget) file.target = std::min(file.target, std::max(file.size, file.books.read()));
}

void Tailer::watch_refill(TailFile& file, Instant now) {
  if (parts_.is_once || file.is_forgotten || !file.may_refill()) return;
  const Duration every = poll_at_ == kNever ? kRefillEvery : std::min<Duration>(config_.poll_interval, kRefillEvery);
  refills_.add(file, now + every);
}

void Tailer::reread_refills(Instant now) {
  while (TailFile* file = refills_.next(now)) {
    if (!file->may_refill()) continue;
    refills_.charge(std::min(file->extent - file->books.read(), kRereadBytesMax), now);
    watch_refill(*file, now);
    if (!file->fd) {
      if (!file->path.empty() && !file->is_busy()) want_probe(file->path, *file);
    } else if (look(*file, now) && !file->is_forgotten) {
      recheck(*file);
    }
  }
}

bool Tailer::is_refill_over() const {
  bool is_over = true;
  refills_.for_each([&is_over](const TailFile& file) {
    const bool is_stuck = !file.trouble.empty();
    if (!is_stuck && (file.is_busy() || file.has_work() || (file.must_peek && file.fd))) is_over = false;
  });
  return is_over;
}

}  // namespace tailrace
