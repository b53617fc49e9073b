#include "buffer/journal_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/crash_point.h"
#include "buffer/byte_order.h"
#include "buffer/crc32c.h"

namespace tailrace {
namespace {

constexpr std::string_view kMagic = "TRCKPT\r\n";  // a transfer as text damages it, which then shows
constexpr std::size_t kVersionAt = 8, kEpochAt = 16, kHeaderCrcAt = 24, kHeaderUsed = 28;
constexpr std::size_t kIoBytes = 1024 * 1024;

std::vector<std::byte> encode_header(std::uint64_t epoch) {
  std::vector<std::byte> header(kSegmentHeaderBytes);
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  set_number(header.data() + kVersionAt, kJournalVersion);
  set_number(header.data() + kEpochAt, epoch);
  set_number(header.data() + kHeaderCrcAt, crc32c(std::span(header).first(kHeaderCrcAt)));
  return header;
}

// Epoch and position are in the CRC and not in the record: one that belongs elsewhere is as bad as a torn one.
std::uint32_t record_crc(std::uint64_t epoch, std::uint64_t position, std::span<const std::byte> payload) {
  std::array<std::byte, 20> place;
  set_number(place.data(), epoch);
  set_number(place.data() + 8, position);
  set_number(place.data() + 16, static_cast<std::uint32_t>(payload.size()));
  return crc32c(payload, crc32c(place));
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// False: the record contradicts those before it.
bool apply(CheckpointRecord record, std::unordered_map<SourceId, Checkpoint>& sources) {
  const SourceId id = record.checkpoint.id;
  switch (record.kind) {
    case RecordKind::identity:
      sources[id] = std::move(record.checkpoint);
      return true;
    case RecordKind::progress: {
      const auto known = sources.find(id);
      if (known == sources.end()) return false;
      known->second.progress = record.checkpoint.progress;
      return true;
    }
    case RecordKind::forget:
      sources.erase(id);  // of one that came and went between two writes there is nothing to erase
      return true;
  }
  return false;
}

// The payload of the record at `position`; empty when there is no good one.
std::span<const std::byte> record_at(std::span<const std::byte> file, std::uint64_t epoch, std::uint64_t position) {
  const std::byte* header = file.data() + position;
  const auto bytes = get_number<std::uint32_t>(header);
  const std::uint64_t room = file.size() - position - kRecordHeaderBytes;
  if (bytes == 0 || bytes > kRecordBytesMax || bytes > room) return {};
  const std::span<const std::byte> payload = file.subspan(position + kRecordHeaderBytes, bytes);
  if (get_number<std::uint32_t>(header + 4) != record_crc(epoch, position, payload)) return {};
  return payload;
}

Status write_zeros(FileSystem& files, int fd, std::uint64_t begin, std::uint64_t end) {
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(kIoBytes, end - begin));
  while (begin < end) {
    const std::uint64_t n = std::min<std::uint64_t>(kIoBytes, end - begin);
    if (Status ok = files.write_at(fd, std::span(zeros).first(n), begin); !ok) return ok;
    begin += n;
  }
  return {};
}

Status fill_segment(FileSystem& files, int fd, const SegmentPlan& plan) {
  const Status room = files.allocate(fd, plan.bytes);
  // Not every file system can preallocate; the zeros below do the same, only a full disk shows later.
  if (!room && room.error().sys_errno() != EOPNOTSUPP && room.error().kind() != ErrorKind::unsupported) return room;
  if (Status ok = files.write_at(fd, encode_header(plan.epoch), 0); !ok) return ok;
  if (!plan.records.empty()) {
    if (Status ok = files.write_at(fd, plan.records, kSegmentHeaderBytes); !ok) return ok;
  }
  // Written, not only allocated: a first write into an unwritten extent would be metadata for every fdatasync.
  if (Status ok = write_zeros(files, fd, kSegmentHeaderBytes + plan.records.size(), plan.bytes); !ok) return ok;
  return files.sync_data(fd);
}

// Somebody else's checkpoints came under our name (mounted over, moved there): they are not ours to destroy.
Status may_replace(FileSystem& files, int directory, const Takeover& takeover) {
  Result<UniqueFd> fd = files.open_in(directory, kLiveName, OpenIn::read);
  if (!fd && fd.error().kind() == ErrorKind::not_found) return {};
  if (!fd && fd.error().kind() == ErrorKind::bad_input) return {};  // a link: the name alone is replaced
  if (!fd) return std::move(fd).error().during("open", kLiveName);
  std::vector<std::byte> header(kSegmentHeaderBytes);
  Result<std::size_t> got = files.read_at(fd->get(), header, 0);
  if (!got) return std::move(got).error().during("read", kLiveName);
  header.resize(*got);
  const Result<SegmentContents> contents = replay_segment(header);
  if (!contents) return Error(contents.error()).during("replace", kLiveName);
  const bool is_ours = (contents->epoch & kEpochFamilyMask) == takeover.epoch_family;
  if (!contents->is_header_good || is_ours || contents->epoch == takeover.replayed_epoch) return {};
  return Error(
      ErrorKind::refused,
      "there are checkpoints of another agent or an older state_dir; restart to go on from them, or remove them");
}

}  // namespace

template <class Encode>
void SegmentEncoder::append(const Encode& encode) {
  const std::uint64_t place = position();
  const std::size_t at = bytes_.size();
  bytes_.resize(at + kRecordHeaderBytes);
  encode(bytes_);
  const auto payload = std::span<const std::byte>(bytes_).subspan(at + kRecordHeaderBytes);
  TR_ASSERT(payload.size() <= kRecordBytesMax, "a checkpoint of {} bytes", payload.size());
  set_number(bytes_.data() + at, static_cast<std::uint32_t>(payload.size()));
  set_number(bytes_.data() + at + 4, record_crc(epoch_, place, payload));
}

void SegmentEncoder::identity(const Checkpoint& checkpoint) {
  append([&](std::vector<std::byte>& out) { encode_identity(checkpoint, out); });
}

void SegmentEncoder::progress(SourceId id, const Progress& progress) {
  append([&](std::vector<std::byte>& out) { encode_progress(id, progress, out); });
}

void SegmentEncoder::forget(SourceId id) {
  append([&](std::vector<std::byte>& out) { encode_forget(id, out); });
}

Result<SegmentContents> replay_segment(std::span<const std::byte> file) {
  SegmentContents contents;
  if (file.size() < kHeaderUsed || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) return contents;
  if (get_number<std::uint32_t>(file.data() + kHeaderCrcAt) != crc32c(file.first(kHeaderCrcAt))) return contents;
  const auto version = get_number<std::uint32_t>(file.data() + kVersionAt);
  if (version > kJournalVersion) {
    return Error(
        ErrorKind::unsupported,
        fmt::format("written by a newer tailrace (format {}, this one knows {}); install that one, or move the "
                    "file away to start every file at its beginning",
                    version, kJournalVersion));
  }
  if (version != kJournalVersion || file.size() < kSegmentHeaderBytes) return contents;
  contents.is_header_good = true;
  const auto epoch = get_number<std::uint64_t>(file.data() + kEpochAt);
  contents.epoch = epoch;
  std::uint64_t position = kSegmentHeaderBytes;
  while (position + kRecordHeaderBytes <= file.size()) {
    const std::span<const std::byte> payload = record_at(file, epoch, position);
    if (payload.empty()) break;
    Result<CheckpointRecord> record = decode_record(payload);
    if (!record || !apply(std::move(*record), contents.sources)) break;
    ++contents.records;
    position += kRecordHeaderBytes + payload.size();
  }
  if (position < file.size() && !is_zero(file.subspan(position))) contents.bad_at = position;
  return contents;
}

Result<UniqueFd> write_segment(FileSystem& files, int directory, const SegmentPlan& plan) {
  const std::uint64_t records_end = kSegmentHeaderBytes + plan.records.size();
  TR_ASSERT(records_end <= plan.bytes, "{} bytes of records in {}", plan.records.size(), plan.bytes);
  const Status removed = files.remove_in(directory, kNextName);
  if (!removed && removed.error().kind() != ErrorKind::not_found) {
    return Error(removed.error()).during("remove", kNextName);
  }
  Result<UniqueFd> fd = files.open_in(directory, kNextName, OpenIn::create_new);
  if (!fd) return std::move(fd).error().during("open", kNextName);
  if (Status ok = fill_segment(files, fd->get(), plan); !ok) {
    // Its room may be what is missing; left over, the next try removes it.
    static_cast<void>(files.remove_in(directory, kNextName));
    return std::move(ok).error().during("write", kNextName);
  }
  return fd;
}

Status take_over(FileSystem& files, int directory, Takeover& takeover) {
  if (!takeover.catch_up.empty()) {
    Status ok = files.write_at(takeover.fd, takeover.catch_up, takeover.position);
    if (ok) ok = files.sync_data(takeover.fd);
    if (!ok) return std::move(ok).error().during("write", kNextName);
  }
  if (Status ok = may_replace(files, directory, takeover); !ok) {
    static_cast<void>(files.remove_in(directory, kNextName));  // nothing of ours stays in somebody else's directory
    return ok;
  }
  if (takeover.puts_aside) {
    // A crash between this and the next rename leaves no journal, and one that is put aside: no first start.
    Status aside = files.rename_in(directory, kLiveName, kBadName);
    if (!aside && aside.error().kind() != ErrorKind::not_found) {
      return std::move(aside).error().during("rename", kLiveName);
    }
  }
  crash_point("journal.compaction.before_rename");
  takeover.was_rename_tried = true;
  if (Status ok = files.rename_in(directory, kNextName, kLiveName); !ok) {
    return std::move(ok).error().during("rename", kNextName);
  }
  crash_point("journal.compaction.after_rename");
  if (Status ok = files.sync_directory_in(directory); !ok)
    return std::move(ok).error().during("fsync", "the directory");
  return {};
}

Result<std::vector<std::byte>> read_segment_file(FileSystem& files, int directory) {
  const auto again = [](const Error& error) { return Error(ErrorKind::again, error.text()); };
  Result<UniqueFd> fd = files.open_in(directory, kLiveName, OpenIn::read);
  if (!fd) {
    const ErrorKind kind = fd.error().kind();
    if (kind == ErrorKind::not_found || kind == ErrorKind::permission) return std::move(fd).error();
    // A link, or no file: somebody must take it away.
    if (kind == ErrorKind::bad_input) return Error(ErrorKind::permission, fd.error().text());
    return again(fd.error());
  }
  std::vector<std::byte> bytes;
  while (true) {
    const std::size_t at = bytes.size();
    bytes.resize(at + kIoBytes);
    const auto into = std::span(bytes).subspan(at);
    Result<std::size_t> got = files.read_at(fd->get(), into, at);
    if (!got) return again(got.error());
    bytes.resize(at + *got);
    // No record is longer than a block, and none begins with zeros: after a block of them nothing can come.
    if (*got < kIoBytes || is_zero(std::span(bytes).subspan(at))) return bytes;
  }
}

}  // namespace tailrace
