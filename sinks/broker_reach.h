// BrokerReach: whether a sink's brokers can be reached, also while there is nothing to ship, and what keeps it from
// them.
//
//   asks at the start ──an answer──▶ reached ──30 s without a sign, the last connection is gone──▶ asks
//         │                            ▲
//         └──no broker answers──▶ away ┘ asks every 2 s, and when a connection comes up
//
// A question is a metadata request without a topic. That no connection is up says nothing by itself: brokers close idle
// ones, and librdkafka opens one when it is wanted. Loop thread only; no clock of its own.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "sinks/broker_cause.h"
#include "sinks/kafka_client.h"

namespace tailrace {

class BrokerReach {
 public:
  void on_found(const KafkaEvents& found, Instant now);  // all that a poll found
  void on_replaced(Instant now);                         // a new client, which is connected to nothing

  // Asks when it is time to. `client` may be null.
  void ask_due(KafkaClient* client, Instant now);
  Instant next_deadline() const { return is_asking_ ? kNever : ask_at_; }

  bool has_connected() const { return has_connected_; }  // once, since the start
  // No broker can be reached: a question was not answered and nothing is connected, or none was for 5 s.
  bool is_away(Instant now) const;
  // A broker refuses the password or the certificates, or we its: another secret may help.
  bool is_refused() const;
  // "a:9092: Connection refused; b:9092: ..."; "" when nothing is known. At most three brokers' are named.
  std::string cause(Instant now) const;

 private:
  struct Cause {
    BrokerCause cause;
    Instant at{};
  };

  bool is_any_up() const;
  void hear(Instant now);
  void on_connection(const BrokerConnection& connection, Instant now);
  void forget_old(Instant now);

  std::map<std::string, Connection> connections_;  // by address
  std::map<std::string, Cause> causes_;            // likewise; "" for what is no single broker's
  bool has_connected_ = false;
  bool has_failed_ = false;            // the last question was not answered
  Instant unanswered_since_ = kNever;  // the first of those that were not
  bool is_asking_ = false;             // one is out: its answer comes, however late
  Instant ask_at_ = Instant::min();
};

}  // namespace tailrace
