// StatusJson: a Snapshot as /status.json (contract, section 5).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/snapshot.h"

namespace tailrace {

inline constexpr std::size_t kLaggingFilesMax = 100;  // a tailer, unless ?files=all

// One JSON object, with a newline. Holds no null: what is not known is an empty string or 0. Bytes of a path that are
// no UTF-8 become U+FFFD. At most `lagging_files_max` files a tailer. Pure: any thread.
std::string status_json(const Snapshot& snapshot, const std::string& version, std::size_t lagging_files_max);

// The same with all files that lag, a few at a time: however many there are, no more is held than who they are (of a
// snapshot with `sources_lagging`). One thread.
class StatusPieces {
 public:
  StatusPieces(std::shared_ptr<const Snapshot> snapshot, std::string version);
  // The sources that the next piece is about; empty: it is about none.
  std::vector<SourceId> wanted() const;
  // The next piece; `files`: what is known of the wanted ones, without those that are gone. nullopt: that was all.
  std::optional<std::string> next(const std::vector<LaggingFile>& files);

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  const std::string version_;
  bool is_begun_ = false, is_ended_ = false;
  std::size_t tailer_ = 0, source_ = 0;  // where the next piece begins
  bool is_first_file_ = true;            // of its tailer
};

}  // namespace tailrace
