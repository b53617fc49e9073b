// BrokerConnections: how far each of a client's connections has come, told by librdkafka's threads and read by the
// loop.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/event_fd.h"
#include "sinks/kafka_client.h"

namespace tailrace {

class BrokerConnections {
 public:
  // Any thread. `state` is librdkafka's word ("APIVERSION_QUERY"). The loop is woken when a connection comes up or
  // goes; the steps between can wait until it polls.
  void note(const char* name, int port, std::string_view state, EventFd& wake);
  // Appends those that have changed since the last call.
  void take(std::vector<BrokerConnection>& changed);

 private:
  std::mutex mutex_;
  std::map<std::string, std::pair<Connection, bool>> states_;  // by address; whether it has changed
};

}  // namespace tailrace
