#include "sinks/broker_cause.h"

namespace tailrace {
namespace {

constexpr auto kNone = std::string_view::npos;

bool has(std::string_view text, std::string_view part) { return text.find(part) != kNone; }

// Takes "ssl://broker-1:9092/bootstrap: " off the front of `text`, and returns the "broker-1:9092" of it.
std::string take_address(std::string_view& text) {
  const std::size_t end = text.find(": ");
  const std::size_t slash = text.substr(0, end).rfind('/');
  if (end == kNone || slash == kNone || slash == 0) return "";
  std::string address = address_in(text.substr(0, end));
  const bool is_address = has(address, ":") && !has(address, " ");
  if (!is_address) return "";
  text.remove_prefix(end + 2);
  return address;
}

BrokerCause::Kind kind_of(std::string_view name, std::string_view text) {
  if (name == "resolve") return BrokerCause::Kind::name;
  // A handshake that fails is told in two ways, of which one is called a transport's.
  if (name == "ssl" || has(text, "SSL routines") || has(text, "in state SSL_HANDSHAKE")) return BrokerCause::Kind::tls;
  if (has(name, "authentication") || has(text, "SASL authentication error") || has(text, "in state AUTH_"))
    return BrokerCause::Kind::login;
  if (name == "transport") return BrokerCause::Kind::address;
  return BrokerCause::Kind::other;
}

// What follows `mark`; all of `text` when it is not there.
std::string_view after(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  return at == kNone ? text : text.substr(at + mark.size());
}

std::string worded(BrokerCause::Kind kind, std::string_view text) {
  switch (kind) {
    case BrokerCause::Kind::name:
      return "the name does not resolve: " + std::string(after(text, "': "));
    case BrokerCause::Kind::tls:
      return "TLS failed (certificates, tls.ca, tls.cert): " + std::string(after(text, "SSL handshake failed: "));
    case BrokerCause::Kind::login:
      return "authentication failed (sasl.username, sasl.password): " +
             std::string(after(text, "SASL authentication error: "));
    case BrokerCause::Kind::address:
    case BrokerCause::Kind::other:
      return std::string(text);
  }
  return std::string(text);
}

}  // namespace

std::string address_in(std::string_view name) {
  if (const std::size_t scheme = name.find("://"); scheme != kNone) name.remove_prefix(scheme + 3);
  return std::string(name.substr(0, name.rfind('/')));
}

std::string to_string(const BrokerCause& cause) {
  return cause.address.empty() ? cause.text : cause.address + ": " + cause.text;
}

BrokerCause cause_of(const KafkaTrouble& trouble) {
  std::string_view text = trouble.text;
  BrokerCause cause;
  cause.address = take_address(text);
  cause.kind = kind_of(trouble.name, text);
  // "(after 54ms in state SSL_HANDSHAKE, 1 identical error(s) suppressed)" makes a new text of the same cause.
  text = text.substr(0, text.rfind(" (after "));
  cause.text = worded(cause.kind, text);
  return cause;
}

std::string_view text_of(Connection state) {
  switch (state) {
    case Connection::connecting:
      return "the address does not answer";
    case Connection::tls:
      return "the TLS handshake is not answered";
    case Connection::greeting:
      return "it is connected, but does not answer";
    case Connection::login:
      return "the authentication is not answered";
    case Connection::none:
    case Connection::up:
      break;
  }
  return "";
}

}  // namespace tailrace
