#include "config/text_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/unique_fd.h"

namespace tailrace {
namespace {

constexpr std::size_t kTextBytesMax = 16 * 1024 * 1024;  // far above any config; /dev/zero must not eat the memory

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return Error::from_errno(errno);
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (true) {
    const ssize_t bytes = ::read(fd.get(), piece.data(), piece.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return Error::from_errno(errno);
    if (bytes == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(bytes));
    if (text.size() > kTextBytesMax) return Error(ErrorKind::bad_input, "it is larger than 16 MiB");
  }
}

Result<std::vector<std::string>> list_toml_files(const std::string& directory) {
  const std::unique_ptr<DIR, CloseDirectory> opened(::opendir(directory.c_str()));
  if (opened == nullptr) return Error::from_errno(errno);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(opened.get())) {  // NOLINT(concurrency-mt-unsafe): a stream of our own
    const std::string name = entry->d_name;
    if (name[0] != '.' && name.ends_with(".toml")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace tailrace
