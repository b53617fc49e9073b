// StateHome: state_dir by its descriptor, so that what lies inside is reached whatever becomes of the path above it.
//
// While the agent runs somebody may remove the directory, rename it, or mount another over it: `look` sees that, and
// `open` then begins anew in what the path leads to, made again where there is nothing. Blocks. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "base/file_system.h"

namespace tailrace {

class StateHome {
 public:
  // `files` must outlive it.
  StateHome(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  virtual ~StateHome() = default;
  StateHome(const StateHome&) = delete;
  StateHome& operator=(const StateHome&) = delete;

  const std::string& path() const { return path_; }

  // The directory that the path leads to now; where there is none it is made, with mode 0700.
  Result<std::shared_ptr<UniqueFd>> open();
  // Whether the path still leads to what `open` gave. Errors: what has become of it.
  Status look();
  // Makes the directory's own name lasting: what is fsynced inside is found after a loss of power only with that.
  Status sync_name();

 protected:
  // A directory that was not ours before, and is from now on: whether it may be, and what must be held in it.
  virtual Status take(int directory);
  // Whether what was taken is still there.
  virtual Status look_at_taken() { return {}; }
  // What `open` gave last, without a look; nothing while another thread is at it (it may hang).
  std::shared_ptr<UniqueFd> held();

  FileSystem& files_;
  const std::string path_;

 private:
  Result<UniqueFd> reach();
  Status look_locked();
  bool is_one(const UniqueFd& a, const UniqueFd& b);

  std::mutex mutex_;
  std::shared_ptr<UniqueFd> directory_;
  bool was_made_ = false;  // and perhaps more above it
  bool is_name_synced_ = false;
};

}  // namespace tailrace
