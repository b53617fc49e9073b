// Error and Result: what went wrong, as a value. Nothing throws across a folder's border.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace tailrace {

// What the caller can do about it; the text is for a person.
enum class ErrorKind : std::uint8_t {
  not_found,       // ENOENT, ENOTDIR, ESTALE: it is gone or was never there
  again,           // EAGAIN, EINTR, timeouts: the same call may succeed later
  no_space,        // ENOSPC, EDQUOT
  read_only,       // EROFS
  permission,      // EACCES, EPERM
  too_many_files,  // EMFILE, ENFILE
  io,              // EIO and every other errno
  refused,         // the other side said no for good
  fenced,          // displaced by another agent, or a lock that another process holds
  bad_input,       // what we were given cannot be right
  unsupported,     // this kernel or library cannot do it
};

class Error {
 public:
  Error(ErrorKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  // `sys_errno` is a positive errno; the text is strerror's.
  static Error from_errno(int sys_errno);

  // Each layer adds its verb, once: "open /var/log/app.log: Permission denied".
  Error during(std::string_view verb, std::string_view object) &&;

  ErrorKind kind() const { return kind_; }
  int sys_errno() const { return sys_errno_; }  // 0 when it came from no system call
  const std::string& text() const { return text_; }

 private:
  ErrorKind kind_;
  int sys_errno_ = 0;
  std::string text_;
};

// A T or an Error. Reading the wrong side aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& value() & {
    TR_ASSERT(state_.index() == 0, "value of a failed Result: {}", std::get<1>(state_).text());
    return std::get<0>(state_);
  }
  const T& value() const& {
    TR_ASSERT(state_.index() == 0, "value of a failed Result: {}", std::get<1>(state_).text());
    return std::get<0>(state_);
  }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_.has_value(); }
  const Error& error() const& { return error_.value(); }
  Error&& error() && { return std::move(error_).value(); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace tailrace
