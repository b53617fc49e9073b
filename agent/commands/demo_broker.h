// DemoBroker: librdkafka's mock cluster inside this process, and a consumer that reads back what arrives there.
//
// One partition a topic, of which the mock keeps about 5 MiB: who writes faster than `read` is called loses the oldest.
// One thread. librdkafka's headers stay in the .cc.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace tailrace {

class DemoBroker {
 public:
  // `value` is valid during the call.
  using OnRecord = std::function<void(std::size_t topic, std::string_view value)>;

  static Result<std::unique_ptr<DemoBroker>> start(const std::vector<std::string>& topics);
  ~DemoBroker();
  DemoBroker(const DemoBroker&) = delete;
  DemoBroker& operator=(const DemoBroker&) = delete;

  const std::string& bootstrap_servers() const { return bootstrap_servers_; }

  // Hands on what has come, in order within a topic (an index into `topics`), waiting up to `wait` for the first
  // record. Returns how many. not_found: the mock dropped records before they were read.
  Result<std::size_t> read(Duration wait, const OnRecord& on_record);

  // Reads until the ends that the topics have now. For when nobody writes any more.
  Status read_to_ends(const OnRecord& on_record);

 private:
  struct Handles;
  DemoBroker();

  std::unique_ptr<Handles> handles_;
  std::string bootstrap_servers_;
};

}  // namespace tailrace
