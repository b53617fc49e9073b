#include "agent/commands/demo_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <iterator>

#include "base/write_all.h"

namespace tailrace {
namespace {

constexpr double kBytesPerSecond = 4e6;  // of each log
constexpr Duration kRotateEvery = std::chrono::seconds(2);
constexpr Duration kFirstRotation = std::chrono::milliseconds(1'700);
constexpr std::size_t kBlockBytes = 64 * 1024;

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccd;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53;
  return x ^ (x >> 33);
}

constexpr std::array<std::string_view, 4> kRequests = {"GET /api/v1/orders", "POST /login", "GET /static/site.css",
                                                       "PUT /api/v1/cart/items"};
constexpr std::array<std::string_view, 4> kRemarks = {"", " cache=hit", " upstream=10.0.4.17:8080 retries=1",
                                                      " slow=true trace=4bf92f3577b34da6a3ce929d0e0e4736"};

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string demo_line(std::string_view log, std::uint32_t generation, std::uint64_t sequence) {
  const std::uint64_t a = mix(sequence + (std::uint64_t{generation} << 40));
  return fmt::format("{}.log file={} line={} {}/{} {} {}ms session={:012x}{}", log, generation, sequence,
                     kRequests[a & 3], (a >> 2) & 0xffff, (a >> 18 & 15) == 0 ? 500 : 200, (a >> 22) & 1023,
                     mix(a) & 0xffffffffffff, kRemarks[(a >> 32) & 3]);
}

std::optional<DemoLineName> parse_demo_line(std::string_view log, std::string_view line) {
  constexpr std::string_view kFile = ".log file=";
  constexpr std::string_view kLine = " line=";
  DemoLineName name;
  std::string_view rest = line;
  if (!rest.starts_with(log)) return std::nullopt;
  rest.remove_prefix(log.size());
  if (!rest.starts_with(kFile)) return std::nullopt;
  rest.remove_prefix(kFile.size());
  if (!take_number(rest, name.generation) || !rest.starts_with(kLine)) return std::nullopt;
  rest.remove_prefix(kLine.size());
  if (!take_number(rest, name.sequence)) return std::nullopt;
  if (demo_line(log, name.generation, name.sequence) != line) return std::nullopt;
  return name;
}

DemoWriter::DemoWriter(std::string directory, Duration duration)
    : directory_(std::move(directory)), duration_(duration), logs_(names_.size()) {}

void DemoWriter::begin(Instant now) {
  begin_ = now;
  for (std::size_t log = 0; log < logs_.size(); ++log) {
    // One log's rotations fall between the other's.
    logs_[log].next_rotation = now + kFirstRotation + kRotateEvery * log / logs_.size();
  }
}

std::uint32_t DemoWriter::file_number(std::size_t log, std::uint32_t generation) const {
  return static_cast<std::uint32_t>(generation * names_.size() + log);
}

Status DemoWriter::open(std::size_t log) {
  const std::string name = path(log);
  logs_[log].fd = UniqueFd(::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!logs_[log].fd) return Error::from_errno(errno).during("open", name);
  return {};
}

Status DemoWriter::rotate(std::size_t log, Instant now) {
  Log& at = logs_[log];
  const std::string from = path(log);
  const std::string to = fmt::format("{}.{}", from, at.generation);
  if (std::rename(from.c_str(), to.c_str()) != 0) return Error::from_errno(errno).during("rename", from);
  ++at.generation;
  at.lines = 0;
  at.next_rotation = now + kRotateEvery;
  ++progress_.rotations;
  return open(log);
}

Status DemoWriter::grow(std::size_t log, Instant now) {
  Log& at = logs_[log];
  const double due = kBytesPerSecond * to_seconds(now - begin_);
  std::string block;
  std::uint64_t lines = 0;
  while (block.size() < kBlockBytes && static_cast<double>(at.bytes_total + block.size()) < due &&
         at.ahead_bytes + block.size() < kAheadBytesMax && at.ahead_lines + lines < kAheadLinesMax) {
    block += demo_line(names_[log], at.generation, at.lines + lines);
    block += '\n';
    ++lines;
  }
  if (block.empty()) return {};
  Status written = write_all(at.fd.get(), block);
  if (!written) return std::move(written).error().during("write", path(log));
  at.lines += lines;
  at.bytes_total += block.size();
  at.ahead_bytes += block.size();
  at.ahead_lines += lines;
  progress_.written_bytes += block.size();
  progress_.written_lines += lines;
  verdict_.wrote(file_number(log, at.generation), at.lines);
  return {};
}

Status DemoWriter::write(Instant now) {
  if (is_written_) return {};
  if (begin_ == kNever) begin(now);
  for (std::size_t log = 0; log < logs_.size(); ++log) {
    Status status;
    if (!logs_[log].fd) status = open(log);
    if (status && now >= logs_[log].next_rotation) status = rotate(log, now);
    if (status) status = grow(log, now);
    if (!status) return status;
  }
  is_written_ = now >= begin_ + duration_;
  return {};
}

void DemoWriter::arrived(std::size_t log, std::string_view value) {
  const std::optional<DemoLineName> name = parse_demo_line(names_[log], value);
  if (!name || name->generation > logs_[log].generation) {
    verdict_.arrived_damaged();
    return;
  }
  const std::uint64_t bytes = value.size() + 1;
  const bool is_first =
      verdict_.arrived({.file = file_number(log, name->generation), .sequence = name->sequence, .bytes = bytes});
  if (!is_first) return;
  progress_.arrived_bytes += bytes;
  ++progress_.arrived_lines;
  logs_[log].ahead_bytes -= bytes;
  --logs_[log].ahead_lines;
}

}  // namespace tailrace
