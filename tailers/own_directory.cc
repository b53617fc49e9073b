#include "tailers/own_directory.h"

namespace tailrace {
namespace {

constexpr int kDepthMax = 3;

}  // namespace

OwnDirectory::OwnDirectory(FileSystem& files, const std::string& path) : files_(files) {
  if (!path.empty()) add(path, 0);
}

void OwnDirectory::add(const std::string& path, int depth) {
  const Result<FileStat> stat = files_.stat(path);
  if (!stat || stat->type != FileType::directory) return;
  own_.insert({stat->device, stat->inode});
  if (depth == kDepthMax) return;
  const Result<std::vector<DirectoryEntry>> entries = files_.list(path);
  for (std::size_t i = 0; entries && i < entries->size(); ++i) {
    const DirectoryEntry& entry = (*entries)[i];
    if (entry.type == FileType::directory) add(path + "/" + entry.name, depth + 1);
  }
}

bool OwnDirectory::holds(const std::string& real_directory) {
  if (own_.empty()) return false;
  if (const auto known = looked_at_.find(real_directory); known != looked_at_.end()) return known->second;
  const Result<FileStat> stat = files_.stat_no_follow(real_directory);
  bool is_own = stat && is(*stat);
  if (!is_own && real_directory != "/" && !real_directory.empty()) {
    const std::size_t slash = real_directory.rfind('/');
    is_own = holds(slash == 0 || slash == std::string::npos ? "/" : real_directory.substr(0, slash));
  }
  looked_at_[real_directory] = is_own;
  return is_own;
}

}  // namespace tailrace
