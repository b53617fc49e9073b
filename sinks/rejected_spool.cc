#include "sinks/rejected_spool.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

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

// Opened by the first append, so that a sink that refuses nothing makes no file.
struct RejectedSpool::File {
  FileSystem& files;
  std::string path;
  std::uint64_t bytes_max;
  UniqueFd fd = UniqueFd();
  std::uint64_t bytes = 0;

  Status open() {
    const std::string directory = path.substr(0, path.rfind('/'));
    if (Status made = files.make_directories(directory); !made)
      return std::move(made).error().during("make", directory);
    Result<UniqueFd> opened = files.open_write(path, true);
    if (!opened) return std::move(opened).error().during("open", path);
    // The file's name is in the one, that one's name in the other: an fsync of the file keeps neither.
    for (const std::string& made : {directory, directory.substr(0, directory.rfind('/'))}) {
      if (Status synced = files.sync_directory(made); !synced) return std::move(synced).error().during("sync", made);
    }
    fd = *std::move(opened);
    return {};
  }

  // The size is looked up anew each time: `rejected resend` may have taken records away.
  Status append(const std::string& text) {
    if (!fd) {
      if (Status opened = open(); !opened) return opened;
    }
    const Result<FileStat> stat = files.stat_fd(fd.get());
    if (!stat) return Error(stat.error()).during("stat", path);
    bytes = stat->size;
    if (bytes + text.size() > bytes_max)
      return Error(ErrorKind::no_space, fmt::format("{}: holds {} bytes, spool_limit is {}", path, bytes, bytes_max));
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    Status written = files.write_at(fd.get(), std::span(begin, text.size()), bytes);
    if (written) written = files.sync_data(fd.get());
    if (written) return {};
    // Half a record would make the rest unreadable.
    if (Status cut = files.truncate(fd.get(), bytes); !cut) fd.reset();
    return std::move(written).error().during("append to", path);
  }
};

RejectedSpool::RejectedSpool(FileSystem& files, WorkerPool& workers, std::string path, std::uint64_t bytes_max)
    : workers_(workers), file_(std::make_shared<File>(files, std::move(path), bytes_max)) {}

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
