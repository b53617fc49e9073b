#include "agent/commands/demo_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/commands/demo_verdict.h"
#include "base/printable.h"
#include "base/write_all.h"

namespace tailrace {
namespace {

constexpr std::size_t kBlockBytes = 16 * 1024;  // few lines at once, even empty ones
constexpr std::size_t kUtf8BytesMax = 4;        // a piece may be so much shorter than max_line

}  // namespace

void DemoComparison::arrived(std::string_view value, bool is_file_whole) {
  if (differs_) return;
  ++records_;
  const std::string_view expected = ahead();
  if (!expected.starts_with(value)) {
    const std::size_t common = std::min(expected.size(), value.size());
    matched_ += static_cast<std::uint64_t>(
        std::mismatch(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(common), expected.begin()).first -
        value.begin());
    differs_ = true;
    return;
  }
  const std::string_view rest = expected.substr(value.size());
  std::size_t taken = value.size();
  if (rest.starts_with("\n")) {
    taken += 1;
  } else if (rest.starts_with("\r\n")) {
    taken += 2;
  } else if (const bool is_piece = value.size() + kUtf8BytesMax > max_line_; !is_piece) {
    const bool is_unfinished = rest.empty() && is_file_whole && !value.empty();
    differs_ = !is_unfinished;
  }
  if (differs_) {
    matched_ += value.size();
    return;
  }
  matched_ += taken;
  begin_ += taken;
  if (begin_ > ahead_.size() / 2) {
    ahead_.erase(0, begin_);
    begin_ = 0;
  }
}

Result<std::unique_ptr<DemoCopy>> DemoCopy::open(std::string directory, const std::vector<std::string>& files,
                                                 std::uint64_t max_line) {
  std::unique_ptr<DemoCopy> load(new DemoCopy);
  for (const std::string& path : files) {
    const std::string name = fmt::format("file-{}", load->files_.size() + 1);
    UniqueFd from(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!from) return Error::from_errno(errno).during("open", path);
    struct stat status{};
    if (::fstat(from.get(), &status) != 0) return Error::from_errno(errno).during("stat", path);
    if (!S_ISREG(status.st_mode)) {
      return Error(ErrorKind::bad_input, fmt::format("{}: is no regular file; name log files", path));
    }
    const std::string copy = fmt::format("{}/{}.log", directory, name);
    UniqueFd to(::open(copy.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!to) return Error::from_errno(errno).during("open", copy);
    load->files_.push_back({.path = path,
                            .from = std::move(from),
                            .to = std::move(to),
                            .size = static_cast<std::uint64_t>(status.st_size),
                            .comparison = DemoComparison(max_line)});
    load->names_.push_back(name);
  }
  return load;
}

Status DemoCopy::copy(File& file) {
  std::array<char, kBlockBytes> block{};
  while (file.copied < file.size && !file.comparison.differs() && file.comparison.ahead().size() < kAheadBytesMax &&
         file.copied_lines < file.comparison.records() + kAheadLinesMax) {
    const std::size_t want = std::min<std::uint64_t>(block.size(), file.size - file.copied);
    const ssize_t got = ::pread(file.from.get(), block.data(), want, static_cast<off_t>(file.copied));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno).during("read", file.path);
    if (got == 0) {
      return Error(ErrorKind::io, fmt::format("{}: became shorter while it was read", file.path));
    }
    const std::string_view bytes(block.data(), static_cast<std::size_t>(got));
    if (Status copied = write_all(file.to.get(), bytes); !copied) {
      return std::move(copied).error().during("copy", file.path);
    }
    file.comparison.expect(bytes);
    file.copied += bytes.size();
    const auto lines = static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    file.copied_lines += lines;
    progress_.written_bytes += bytes.size();
    progress_.written_lines += lines;
  }
  return {};
}

Status DemoCopy::write(Instant) {
  for (File& file : files_) {
    Status status = copy(file);
    if (!status) return status;
  }
  return {};
}

bool DemoCopy::is_written() const {
  return std::all_of(files_.begin(), files_.end(),
                     [](const File& file) { return file.copied == file.size || file.comparison.differs(); });
}

void DemoCopy::arrived(std::size_t log, std::string_view value) {
  File& file = files_[log];
  const std::uint64_t before = file.comparison.matched_bytes();
  file.comparison.arrived(value, file.copied == file.size);
  progress_.arrived_bytes += file.comparison.matched_bytes() - before;
  ++progress_.arrived_lines;
}

bool DemoCopy::is_arrived() const {
  return is_written() && std::all_of(files_.begin(), files_.end(), [](const File& file) {
           return file.comparison.differs() || file.comparison.ahead().find('\n') == std::string_view::npos;
         });
}

bool DemoCopy::has_unfinished_line() const {
  return std::any_of(files_.begin(), files_.end(),
                     [](const File& file) { return !file.comparison.differs() && !file.comparison.ahead().empty(); });
}

bool DemoCopy::is_right() const {
  return std::all_of(files_.begin(), files_.end(), [](const File& file) {
    return !file.comparison.differs() && file.comparison.matched_bytes() == file.size;
  });
}

std::string DemoCopy::verdict() const {
  std::string text;
  for (const File& file : files_) {
    const DemoComparison& compared = file.comparison;
    const std::string path = printable(file.path);
    if (compared.differs()) {
      text += fmt::format("{}: what arrived differs from it at byte {}\n", path, grouped(compared.matched_bytes()));
    } else if (compared.matched_bytes() < file.size) {
      text += fmt::format("{}: {} of {} bytes arrived\n", path, grouped(compared.matched_bytes()), grouped(file.size));
    } else {
      text +=
          fmt::format("{}: {} lines, {} bytes, all the same\n", path, grouped(compared.records()), grouped(file.size));
    }
  }
  text += is_right() ? "RIGHT: every line arrived once, in order, byte for byte\n"
                     : "WRONG: this is a bug in tailrace; please report it with the lines above\n";
  return text;
}

}  // namespace tailrace
