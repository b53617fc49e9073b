// BrokerCause: what keeps a client from a broker, in a person's words, out of what librdkafka says of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sinks/kafka_client.h"

namespace tailrace {

struct BrokerCause {
  enum class Kind : std::uint8_t { address, name, tls, login, other };

  std::string address;  // "broker-1:9092", without scheme and number; "" when it is no single broker's
  Kind kind = Kind::other;
  std::string text;  // "the name does not resolve: Name or service not known"

  // Whether another password, key or certificate may help.
  bool is_about_secrets() const { return kind == Kind::tls || kind == Kind::login; }
};

// "broker-1:9092: the name does not resolve: Name or service not known".
std::string to_string(const BrokerCause& cause);

// "broker-1:9092", of librdkafka's name of a broker: "ssl://broker-1:9092/3", the last part "bootstrap" where its
// number is not known yet.
std::string address_in(std::string_view name);

// Of an error event: "ssl://broker-1:9092/bootstrap: SSL handshake failed: ... (after 54ms in state SSL_HANDSHAKE)".
BrokerCause cause_of(const KafkaTrouble& trouble);

// What a connection that comes no further waits for; "" when it is up, or nobody wants it.
std::string_view text_of(Connection state);

}  // namespace tailrace
