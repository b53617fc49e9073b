#include "sinks/rejected_spool.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace tailrace {
namespace {

std::string rfc3339(WallTime when) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", parts, (when - seconds).count());
}

}  // namespace

std::string encode_rejected(const std::vector<RejectedRecord>& records, WallTime when) {
  std::string text;
  for (const RejectedRecord& record : records) {
    const nlohmann::ordered_json head = {{"v", 1},
                                         {"time", rfc3339(when)},
                                         {"topic", record.topic},
                                         {"partition", record.partition},
                                         {"source", record.source.hex()},
                                         {"offset", record.offset},
                                         {"reason", record.reason},
                                         {"bytes", record.value.size()}};
    text += head.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    text += '\n';
    text += record.value;
    text += '\n';
  }
  return text;
}

namespace {

constexpr char kDirectoryName[] = "rejected";
constexpr std::size_t kHeadBytesMax = 64 * 1024;
constexpr std::size_t kReadBytes = 256 * 1024;

// One name in the directory, whatever the sink is called.
std::string file_name(const std::string& sink) {
  std::string name;
  for (const char c : sink) {
    if (c == '/' || c == '%') {
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      name += c;
    }
  }
  return name + ".spool";
}

// A spool's bytes, read in order through one window.
class Window {
 public:
  Window(FileSystem& files, int fd) : files_(files), fd_(fd) {}

  // So many bytes from `at` on; fewer at the end. Valid until the next call.
  Result<std::string_view> read(std::uint64_t at, std::size_t bytes) {
    const bool is_held = at >= begin_ && at + bytes <= begin_ + held_.size();
    if (!is_held) {
      held_.resize(std::max(bytes, kReadBytes));
      Result<std::size_t> got = files_.read_at(fd_, std::as_writable_bytes(std::span(held_)), at);
      if (!got) return std::move(got).error();
      begin_ = at;
      held_.resize(*got);
    }
    return std::string_view(held_).substr(at - begin_, bytes);
  }

 private:
  FileSystem& files_;
  int fd_;
  std::string held_;
  std::uint64_t begin_ = 0;
};

// Where the record at `at` ends; nothing: there is no whole one. unsupported: a newer tailrace wrote it.
Result<std::optional<std::uint64_t>> record_end(Window& window, std::uint64_t at) {
  Result<std::string_view> text = window.read(at, kHeadBytesMax);
  if (!text) return std::move(text).error();
  const std::size_t line = text->find('\n');
  if (line == std::string_view::npos) return std::optional<std::uint64_t>();
  const nlohmann::json head = nlohmann::json::parse(text->substr(0, line), nullptr, false);
  if (!head.is_object() || !head.contains("v") || !head["v"].is_number_unsigned()) {
    return std::optional<std::uint64_t>();
  }
  if (head["v"] != 1) return Error(ErrorKind::unsupported, "a newer tailrace wrote it");
  if (!head.contains("bytes") || !head["bytes"].is_number_unsigned()) return std::optional<std::uint64_t>();
  const std::uint64_t value = at + line + 1;
  const std::uint64_t bytes = head["bytes"];
  if (bytes > UINT64_MAX - value - 1) return std::optional<std::uint64_t>();
  const std::uint64_t end = value + bytes;
  text = window.read(end, 1);
  if (!text) return std::move(text).error();
  if (*text != "\n") return std::optional<std::uint64_t>();
  return std::optional<std::uint64_t>(end + 1);
}

// Behind the last of the whole records that stand one behind the other from the beginning on.
Result<std::uint64_t> records_end(FileSystem& files, int fd, std::uint64_t size) {
  Window window(files, fd);
  std::uint64_t at = 0;
  while (at < size) {
    Result<std::optional<std::uint64_t>> end = record_end(window, at);
    if (!end) return std::move(end).error();
    if (!*end) break;
    at = **end;
  }
  return at;
}

// What is behind the whole records is kept beside them: a crash leaves what nobody counted on, a bad disk may not.
Status keep_rest(FileSystem& files, int fd, std::uint64_t begin, std::uint64_t end, int into) {
  const Result<FileStat> kept = files.stat_fd(into);
  if (!kept) return kept.error();
  std::uint64_t to = kept->size;
  std::vector<std::byte> piece(kReadBytes);
  while (begin < end) {
    Result<std::size_t> got = files.read_at(fd, std::span(piece).first(std::min(kReadBytes, end - begin)), begin);
    if (!got) return std::move(got).error();
    if (*got == 0) break;
    if (Status ok = files.write_at(into, std::span(piece).first(*got), to); !ok) return ok;
    begin += *got;
    to += *got;
  }
  return files.sync_data(into);
}

}  // namespace

// Opened by the first append, so that a sink that refuses nothing makes no file. The worker's.
struct RejectedSpool::File {
  FileSystem& files;
  std::shared_ptr<StateHome> home;
  std::string name;  // in rejected/
  std::uint64_t bytes_max;
  std::string path = home->path() + "/" + kDirectoryName + "/" + name;
  UniqueFd fd = UniqueFd();

  Status open() {
    Result<std::shared_ptr<UniqueFd>> state = home->open();
    if (!state) return std::move(state).error().during("open", path);
    const int state_fd = (*state)->get();
    if (Status made = files.make_directory_in(state_fd, kDirectoryName); !made) {
      return std::move(made).error().during("make", home->path() + "/" + kDirectoryName);
    }
    Result<UniqueFd> directory = files.open_in(state_fd, kDirectoryName, OpenIn::directory);
    if (!directory) return std::move(directory).error().during("open", home->path() + "/" + kDirectoryName);
    Result<UniqueFd> opened = files.open_in(directory->get(), name, OpenIn::create);
    if (!opened) return std::move(opened).error().during("open", path);
    if (Status cut = cut_to_records(opened->get(), directory->get()); !cut) {
      return std::move(cut).error().during("repair", path);
    }
    // The file's name is in the one, that one's in the other: an fsync of the file keeps neither.
    Status synced = files.sync_directory_in(directory->get());
    if (synced) synced = files.sync_directory_in(state_fd);
    if (synced) synced = home->sync_name();
    if (!synced) return std::move(synced).error().during("sync", path);
    fd = *std::move(opened);
    return {};
  }

  Status cut_to_records(int opened, int directory) {
    const Result<FileStat> stat = files.stat_fd(opened);
    if (!stat) return stat.error();
    Result<std::uint64_t> end = records_end(files, opened, stat->size);
    if (!end) return std::move(end).error();
    if (*end == stat->size) return {};
    const std::string rest_name = name + ".cut";
    Result<UniqueFd> rest = files.open_in(directory, rest_name, OpenIn::create);
    if (!rest) return std::move(rest).error().during("open", rest_name);
    if (Status kept = keep_rest(files, opened, *end, stat->size, rest->get()); !kept) {
      return std::move(kept).error().during("write", rest_name);
    }
    log::warn("{}: {} bytes behind the last whole record (a crash while it was written); they are moved to {}", path,
              stat->size - *end, rest_name);
    if (Status cut = files.truncate(opened, *end); !cut) return cut;
    return files.sync_data(opened);
  }

  // Its size. It is looked up anew each time: `rejected resend` may have taken records away. What can no longer be
  // found under state_dir's path is left, and begun anew there.
  Result<std::uint64_t> size() {
    for (int tries = 0; tries < 2; ++tries) {
      if (!fd) {
        if (Status opened = open(); !opened) return std::move(opened).error();
      }
      const Result<FileStat> stat = files.stat_fd(fd.get());
      if (!stat) return Error(stat.error()).during("stat", path);
      if (stat->links > 0 && home->look()) return stat->size;
      fd.reset();
    }
    return Error(ErrorKind::not_found, path + " is removed again and again");
  }

  Status append(const std::string& text) {
    const Result<std::uint64_t> bytes = size();
    if (!bytes) return bytes.error();
    if (*bytes + text.size() > bytes_max) {
      return Error(ErrorKind::no_space, fmt::format("{}: holds {} bytes, spool_limit is {}", path, *bytes, bytes_max));
    }
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    Status written = files.write_at(fd.get(), std::span(begin, text.size()), *bytes);
    if (written) written = files.sync_data(fd.get());
    if (written) return {};
    // Half a record would make the rest unreadable. What cannot be cut now is cut before the next append.
    if (Status cut = files.truncate(fd.get(), *bytes); !cut) fd.reset();
    return std::move(written).error().during("append to", path);
  }
};

RejectedSpool::RejectedSpool(FileSystem& files, WorkerPool& workers, std::shared_ptr<StateHome> home,
                             const std::string& sink, std::uint64_t bytes_max)
    : workers_(workers), file_(std::make_shared<File>(files, std::move(home), file_name(sink), bytes_max)) {}

RejectedSpool::~RejectedSpool() = default;

void RejectedSpool::append(std::vector<RejectedRecord> records, Done done) {
  TR_ASSERT(!is_busy_, "{}: two appends at once", file_->path);
  is_busy_ = true;
  auto result = std::make_shared<Status>();
  workers_.submit(
      owner_,
      [file = file_, records = std::move(records), result] {
        // The wall clock only stamps the records; nothing is decided by it.
        *result = file->append(encode_rejected(records, SystemClock().wall()));
      },
      [this, result, done = std::move(done)](Instant now) {
        is_busy_ = false;
        done(*result, now);
      });
}

}  // namespace tailrace
