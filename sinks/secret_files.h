// SecretFiles: reads a sink's ${file:} values again while a broker refuses what they gave, so that a password or a
// certificate that was rotated is used without a restart.
//
// The reading is a worker's. Also looked at are the certificate and key files that the config names by path: librdkafka
// reads them once, when a client is made. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/event_fd.h"
#include "base/worker_pool.h"
#include "config/config.h"

namespace tailrace {

struct NewSecrets {
  std::vector<std::pair<std::string, std::string>> librdkafka;  // all of the sink's, with the new values
  // Not only the user name and the password of PLAIN or SCRAM, which a client takes while it runs.
  bool needs_client = false;
  std::string names;  // of the properties or files that changed
};

class SecretFiles {
 public:
  // Whether a client can be made of these settings; called on a worker. May be empty: then they are not tried.
  using TrySettings = std::function<Status(const SinkConfig&)>;

  // `wake` is signalled when `take` has something. Looks at the files that `config` names at once, to know them later.
  SecretFiles(const SinkConfig& config, WorkerPool& workers, std::shared_ptr<EventFd> wake, TrySettings try_settings);

  // `config`: what the client has. While `is_refused` the files are read, at once and then every 5 s.
  void look(const SinkConfig& config, bool is_refused, Instant now);
  Instant next_deadline() const { return look_at_; }
  // What was read: nothing new, new secrets, or why there are none. Each is told once.
  std::optional<Result<NewSecrets>> take();

 private:
  // A worker's until it is done; it may outlive its owner.
  struct Job {
    bool is_done = false;
    Result<NewSecrets> found = NewSecrets();
    std::uint64_t files_before = 0, files = 0;  // hashes of the files that are named by path
  };

  void submit(const SinkConfig& config, bool is_first);

  WorkOwner work_;
  WorkerPool& workers_;
  std::shared_ptr<EventFd> wake_;
  TrySettings try_settings_;
  std::shared_ptr<Job> job_;  // null: nothing is being read
  std::uint64_t files_ = 0;
  bool has_sources_ = false;  // there is anything that could change
  bool is_refused_ = false;
  Instant look_at_ = kNever;
};

}  // namespace tailrace
