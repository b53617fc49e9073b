// UniqueFd: owns one file descriptor.
#pragma once

#include <utility>

namespace tailrace {

// Who closes a descriptor: nobody (::close) or the simulated kernel.
class FdCloser {
 public:
  virtual ~FdCloser() = default;
  virtual void close_fd(int fd) noexcept = 0;
};

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd, FdCloser* closer = nullptr) : fd_(fd), closer_(closer) {}
  UniqueFd(UniqueFd&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), closer_(std::exchange(other.closer_, nullptr)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
      closer_ = std::exchange(other.closer_, nullptr);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  // Closes. close(2) of a descriptor that was only read cannot lose anything, so its result is not looked at.
  void reset() noexcept;

 private:
  int fd_ = -1;
  FdCloser* closer_ = nullptr;
};

}  // namespace tailrace
