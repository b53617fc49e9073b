// TempDir: a folder of a test's own, gone afterwards, also when the test process is killed.
//
// All folders of a process lie in one, $TMPDIR/tailrace-e2e-XXXXXX. A small process that outlives this one removes it
// when it ends in whatever way. TAILRACE_E2E_KEEP=1 keeps everything and says where.
#pragma once

#include <filesystem>
#include <string>

namespace tailrace::e2e {

class TempDir {
 public:
  explicit TempDir(const std::string& name);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace tailrace::e2e
