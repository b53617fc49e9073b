// RejectedSpool: the records that Kafka refused for good, appended to state_dir/rejected/SINK.spool with the reason.
//
// A record is spooled only once it is fsynced, in a file that state_dir's path leads to. Nothing is appended behind
// half a record, as a power loss or a failed append may leave it: nobody could read on behind it. The format is
// described in docs/rejected_format.md. One append is under way at a time, on a worker. Loop thread only, but for what
// it hands to the worker.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_system.h"
#include "base/worker_pool.h"
#include "buffer/source.h"
#include "buffer/state_home.h"

namespace tailrace {

struct RejectedRecord {
  std::string topic;
  std::int32_t partition = -1;
  SourceId source;
  Offset offset = 0;  // in the file, of the record's first byte
  std::string reason;
  std::string value;
};

// The bytes of these records as they stand in the spool.
std::string encode_rejected(const std::vector<RejectedRecord>& records, WallTime when);

class RejectedSpool {
 public:
  using Done = std::function<void(const Status&, Instant)>;

  RejectedSpool(FileSystem& files, WorkerPool& workers, std::shared_ptr<StateHome> home, const std::string& sink,
                std::uint64_t bytes_max);
  ~RejectedSpool();

  bool is_busy() const { return is_busy_; }
  // Only while not busy. `done` runs on the loop thread, never after this is destroyed. no_space: the spool's limit is
  // reached, or the disk is full; nothing of the records stays in the file then.
  void append(std::vector<RejectedRecord> records, Done done);

 private:
  struct File;  // the worker's

  WorkerPool& workers_;
  std::shared_ptr<File> file_;
  bool is_busy_ = false;
  WorkOwner owner_;
};

}  // namespace tailrace
