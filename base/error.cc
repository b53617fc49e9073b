#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace tailrace {
namespace {

ErrorKind kind_of(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ESTALE:
      return ErrorKind::not_found;
    case EAGAIN:
    case EINTR:
    case ETIMEDOUT:
      return ErrorKind::again;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::no_space;
    case EROFS:
      return ErrorKind::read_only;
    case EACCES:
    case EPERM:
      return ErrorKind::permission;
    case EMFILE:
    case ENFILE:
      return ErrorKind::too_many_files;
    default:  // the rest of the errno space is open-ended: every other one is the device's or the kernel's refusal
      return ErrorKind::io;
  }
}

}  // namespace

Error Error::from_errno(int sys_errno) {
  TR_ASSERT(sys_errno > 0, "errno {} is not positive", sys_errno);
  char buffer[128];
  // GNU strerror_r: any thread may call it; the text is in `buffer` or static.
  Error error(kind_of(sys_errno), ::strerror_r(sys_errno, buffer, sizeof buffer));
  error.sys_errno_ = sys_errno;
  return error;
}

Error Error::during(std::string_view verb, std::string_view object) && {
  std::string text;
  text.reserve(verb.size() + object.size() + text_.size() + 3);
  text.append(verb).append(" ").append(object).append(": ").append(text_);
  text_ = std::move(text);
  return std::move(*this);
}

}  // namespace tailrace
