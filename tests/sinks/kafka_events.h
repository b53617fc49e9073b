// What a KafkaClient of a test's own has found, added to what its caller has already: poll appends.
#pragma once

#include <utility>
#include <vector>

#include "sinks/kafka_client.h"

namespace tailrace {

template <class T>
void append(std::vector<T>& to, std::vector<T> from) {
  for (T& one : from) to.push_back(std::move(one));
}

inline void append(KafkaEvents& to, KafkaEvents from) {
  append(to.reports, std::move(from.reports));
  append(to.answers, std::move(from.answers));
  append(to.limits, std::move(from.limits));
  append(to.troubles, std::move(from.troubles));
  append(to.connections, std::move(from.connections));
  to.has_statistics |= from.has_statistics;
  if (from.fatal) to.fatal = std::move(from.fatal);
}

}  // namespace tailrace
