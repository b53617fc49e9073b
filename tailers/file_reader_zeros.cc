// Zeros that a writer has reserved at a file's end: where they begin, and what is written over them.
#include "base/log.h"
#include "tailers/data_end.h"
#include "tailers/file_reader.h"
#include "tailers/tailer.h"

namespace tailrace {
namespace {

// What is looked at for bytes that were written over zeros: those that come next, since a file is filled in order.
constexpr std::uint32_t kPeekBytes = 64 * 1024;
// Data that ends so near the end of what was looked at may go on after it.
constexpr std::size_t kNearBytes = 4096;
// Less than so much unread is read soon, and its end seen then.
constexpr std::uint64_t kWorthSeeking = 64 * 1024;
constexpr Duration kSeekAgain = std::chrono::seconds(1);
// A file that is written to, but not where its zeros begin, is gone through as a whole: not more often.
constexpr Duration kSeekWholeAgain = std::chrono::seconds(5);

}  // namespace

struct FileReader::EndSearch {
  DataEndSearch at;
  Offset extent = 0;
  WallTime modified{};
  bool has_failed = false;
};

std::uint32_t FileReader::without_reserved(TailFile& file, std::span<const std::byte> bytes, Offset reached) {
  const auto all = static_cast<std::uint32_t>(bytes.size());
  const auto left = static_cast<std::uint32_t>(bytes_without_zeros(bytes));
  if (left == all) return all;
  if (reached >= file.size) {
    file.tailer->reserved(file, reached - (all - left));
    return left;
  }
  // Whether these go on to the end is not known yet; where it was looked for, more data follows them.
  const bool is_sought = file.size < file.extent || file.end_sought == file.extent;
  return is_sought ? all : left;
}

void FileReader::hold_back(TailFile& file, Turn turn, Instant now) {
  scheduler_.wait(file, turn);
  seek_end(file, now);
}

void FileReader::seek_end(TailFile& file, Instant now) {
  const bool is_known = file.size < file.extent || file.end_sought == file.extent;
  if (is_known || file.unread() < kWorthSeeking || now - file.end_sought_at < kSeekAgain) return;
  file.end_sought_at = now;
  if (!file.is_reading_aside) start_end_search(file);
}

void FileReader::read_aside(TailFile& file) {
  if (file.is_reading_aside || !file.fd || file.is_replaced) return;
  if (file.cut_bytes > 0 && file.turn != Turn::in_flight) return verify(file);
  if (file.seeks_end) return start_end_search(file);
  if (!std::exchange(file.must_peek, false) || file.extent <= file.size) return;
  start_aside(file, Kind::peek, file.size,
              static_cast<std::uint32_t>(std::min<Offset>(file.extent - file.size, kPeekBytes)));
}

void FileReader::start_end_search(TailFile& file) {
  const Offset begin = file.size < file.extent ? file.size : file.books.read();
  if (!file.fd || begin >= file.extent) {
    file.seeks_end = false;
    if (file.turn == Turn::wants_end) scheduler_.remove(file);
    return want(file);
  }
  file.is_reading_aside = true;
  parts_.descriptors.withdraw(file);
  search_end(file, std::make_shared<EndSearch>(EndSearch{
                       .at = {.begin = begin, .end = file.extent}, .extent = file.extent, .modified = file.modified}));
}

void FileReader::search_end(TailFile& file, const std::shared_ptr<EndSearch>& search) {
  FileSystem& files = parts_.files;
  parts_.workers.submit(
      owner_, [search, &files, fd = file.fd.get()] { search->has_failed = !search_data_end(files, fd, search->at); },
      [this, &file, search](Instant now) { end_searched(file, search, now); });
}

void FileReader::end_searched(TailFile& file, const std::shared_ptr<EndSearch>& search, Instant now) {
  const bool is_same = file.extent == search->extent;
  if (is_same && !search->has_failed && !search->at.is_over) return search_end(file, search);
  file.is_reading_aside = false;
  file.seeks_end = false;
  file.end_sought_at = now;
  if (is_same) {
    // Where it cannot be read there either, the next read says so.
    file.end_sought = file.extent;
    file.end_sought_modified = search->modified;
    if (!search->has_failed && file.size == file.extent) {
      file.tailer->reserved(file, search->at.end);
    } else if (!search->has_failed && search->at.end > file.size) {
      file.tailer->filled(file, search->at.end, now);
    }
  }
  if (file.turn == Turn::wants_end) scheduler_.remove(file);
  want(file);
  file.tailer->after_aside(file, now);
  if (!file.is_forgotten && !file.is_busy() && !file.has_work()) file.tailer->after_read(file, now);
}

void FileReader::peeked(TailFile& file, const InFlight& io, std::int64_t result, Instant now) {
  file.is_reading_aside = false;
  const auto got = static_cast<std::size_t>(std::max<std::int64_t>(result, 0));
  const std::size_t filled = bytes_without_zeros({io.aside.data(), got});
  const bool is_whole = got == io.aside.size();
  if (!is_whole) file.must_look = true;
  if (io.size != file.size) {
    file.must_peek = file.extent > file.size;
  } else if (filled > 0) {
    file.tailer->filled(file, io.size + filled, now);
    file.must_peek = is_whole && filled + kNearBytes >= got && file.extent > io.size + got;  // perhaps more
  } else if (is_whole && file.extent > io.size + got && file.modified != file.end_sought_modified &&
             now - file.end_sought_at >= kSeekWholeAgain) {
    file.seeks_end = true;
  }
  if (!file.must_peek && !file.seeks_end) file.tailer->peeked(file);
  file.tailer->after_aside(file, now);
  if (!file.is_forgotten && !file.is_busy() && !file.has_work()) file.tailer->after_read(file, now);
}

}  // namespace tailrace
