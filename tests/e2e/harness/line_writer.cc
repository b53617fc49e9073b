#include "tests/e2e/harness/line_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace tailrace::e2e {
namespace {

constexpr std::size_t kWriteBytes = 128 * 1024;

[[noreturn]] void give_up(const std::string& path) {
  std::perror(path.c_str());
  std::abort();
}

}  // namespace

LineWriter::LineWriter(LineRecipe recipe, std::string path) : recipe_(std::move(recipe)), path_(std::move(path)) {
  recreate();
}

LineWriter::~LineWriter() { ::close(fd_); }

void LineWriter::write_lines(std::uint64_t lines) {
  const std::uint64_t end = next_ + lines;
  while (next_ < end) {
    buffer_.clear();
    while (next_ < end && buffer_.size() < kWriteBytes) recipe_.append(next_++, buffer_);
    if (::write(fd_, buffer_.data(), buffer_.size()) != static_cast<ssize_t>(buffer_.size())) give_up(path_);
    bytes_ += buffer_.size();
  }
}

void LineWriter::write_bytes(std::uint64_t bytes) {
  const std::uint64_t end = bytes_ + bytes;
  while (bytes_ < end) {
    buffer_.clear();
    while (buffer_.size() < std::min<std::uint64_t>(kWriteBytes, end - bytes_)) recipe_.append(next_++, buffer_);
    if (::write(fd_, buffer_.data(), buffer_.size()) != static_cast<ssize_t>(buffer_.size())) give_up(path_);
    bytes_ += buffer_.size();
  }
}

void LineWriter::rotate_by_rename() {
  rename_away();
  recreate();
}

void LineWriter::rename_away() {
  shift_chain();
  std::filesystem::rename(path_, path_ + ".1");
}

void LineWriter::recreate() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) give_up(path_);
}

void LineWriter::rotate_by_copytruncate() {
  shift_chain();
  std::filesystem::copy_file(path_, path_ + ".1");
  truncate();
}

void LineWriter::truncate() {
  if (::ftruncate(fd_, 0) != 0) give_up(path_);
}

void LineWriter::remove_and_recreate() {
  std::filesystem::remove(path_);
  recreate();
}

void LineWriter::shift_chain() {
  int last = 1;
  while (std::filesystem::exists(path_ + "." + std::to_string(last))) ++last;
  for (; last > 1; --last) {
    std::filesystem::rename(path_ + "." + std::to_string(last - 1), path_ + "." + std::to_string(last));
  }
}

}  // namespace tailrace::e2e
