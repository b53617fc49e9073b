#include "tests/e2e/harness/file_comparator.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace tailrace::e2e {

FileComparator::FileComparator(const std::string& path) : path_(path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    std::perror(path.c_str());
    std::abort();
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes > 0) {
    void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) std::abort();
    file_ = {static_cast<const char*>(mapped), bytes};
  }
  ::close(fd);
}

FileComparator::~FileComparator() {
  if (!file_.empty()) ::munmap(const_cast<char*>(file_.data()), file_.size());
}

bool FileComparator::next_is(std::string_view bytes) const { return file_.substr(at_, bytes.size()) == bytes; }

void FileComparator::take(std::string_view record) {
  if (!difference_.empty()) return;
  const bool is_same = next_is(record) && at_ + record.size() < file_.size() && file_[at_ + record.size()] == '\n';
  if (!is_same) {
    difference_ = path_ + ": record " + std::to_string(records_) + " (" + std::to_string(record.size()) +
                  " bytes) differs from the file at offset " + std::to_string(at_);
    return;
  }
  at_ += record.size() + 1;
  ++records_;
}

std::string FileComparator::difference() const {
  if (!difference_.empty() || at_ == file_.size()) return difference_;
  return path_ + ": " + std::to_string(records_) + " records end at offset " + std::to_string(at_) + " of " +
         std::to_string(file_.size());
}

}  // namespace tailrace::e2e
