#include "tests/fuzz/journal_reader.h"

#include <algorithm>
#include <optional>
#include <string>

namespace tailrace {
namespace {

constexpr std::size_t kHeaderBytes = 4096;

struct BadRecord {};

// Takes fields from the front; throws when there are not enough bytes.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  std::string_view bytes(std::size_t count) {
    if (rest_.size() < count) throw BadRecord();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0, factor = 1;
    for (const char byte : bytes(count)) {
      value += static_cast<std::uint8_t>(byte) * factor;
      factor *= 256;
    }
    return value;
  }
  std::string text() { return std::string(bytes(number(4))); }
  bool is_empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

void read_progress(Fields& in, Progress& progress) {
  progress.acked = in.number(8);
  progress.tail_bytes = static_cast<std::uint32_t>(in.number(1));
  progress.tail_hash = in.number(8);
  if (progress.tail_bytes > 64) throw BadRecord();
}

void read_identity(Fields& in, Checkpoint& into) {
  into.key.device = in.number(8);
  into.key.inode = in.number(8);
  into.key.birth_ns = static_cast<std::int64_t>(in.number(8));
  into.key.prefix_bytes = static_cast<std::uint32_t>(in.number(4));
  into.key.prefix_hash = in.number(8);
  into.partition = static_cast<std::int32_t>(in.number(4));
  into.size_seen = in.number(8);
  into.seen_unix_seconds = static_cast<std::int64_t>(in.number(8));
  const std::uint64_t flags = in.number(1);
  into.is_finished = flags == 1;
  read_progress(in, into.progress);
  into.tailer = in.text();
  into.path = in.text();
  into.last_path = in.text();
  if (flags > 1 || into.key.prefix_bytes > 1024) throw BadRecord();
}

void apply(Fields in, std::map<SourceId, Checkpoint>& sources) {
  const std::uint64_t kind = in.number(1);
  Checkpoint read;
  read.id.high = in.number(8);
  read.id.low = in.number(8);
  const bool is_known = sources.contains(read.id);
  if (kind == 1) read_identity(in, read);
  if (kind == 2) read_progress(in, read.progress);
  if (kind < 1 || kind > 3 || !in.is_empty() || (kind == 2 && !is_known)) throw BadRecord();
  if (kind == 1) sources[read.id] = read;
  if (kind == 2) sources[read.id].progress = read.progress;
  if (kind == 3) sources.erase(read.id);
}

// One past the record at `at`.
std::size_t read_record(std::string_view file, std::size_t at, std::string_view epoch,
                        std::map<SourceId, Checkpoint>& sources) {
  Fields in(file.substr(at));
  const std::string_view length_bytes = in.bytes(4);
  const std::size_t length = Fields(length_bytes).number(4);
  const std::uint64_t crc = in.number(4);
  if (length < 1 || length > 1'048'576) throw BadRecord();
  const std::string_view payload = in.bytes(length);
  std::uint32_t expected = slow_crc(epoch);
  expected = slow_crc(number_bytes<std::uint64_t>(at), expected);
  expected = slow_crc(length_bytes, expected);
  if (slow_crc(payload, expected) != crc) throw BadRecord();
  apply(Fields(payload), sources);
  return at + 8 + length;
}

}  // namespace

std::uint32_t slow_crc(std::string_view bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

JournalRead read_journal(std::string_view file) {
  JournalRead read;
  if (file.size() < 28 || !file.starts_with("TRCKPT\r\n")) return read;
  if (Fields(file.substr(24)).number(4) != slow_crc(file.substr(0, 24))) return read;
  const std::uint64_t version = Fields(file.substr(8)).number(4);
  read.is_newer = version > 1;
  read.has_header = version == 1 && file.size() >= kHeaderBytes;
  if (!read.has_header) return read;
  std::size_t at = kHeaderBytes;
  try {
    for (; at < file.size(); ++read.records) at = read_record(file, at, file.substr(16, 8), read.sources);
  } catch (const BadRecord&) {
    const std::string_view rest = file.substr(at);
    if (std::any_of(rest.begin(), rest.end(), [](char c) { return c != '\0'; })) read.bad_at = at;
  }
  return read;
}

}  // namespace tailrace
