#include "sinks/broker_reach.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace tailrace {
namespace {

constexpr Duration kAskAgain = std::chrono::seconds(2);
// One small request in half a minute of quiet: a broker that is frozen meanwhile is noticed without load.
constexpr Duration kAskQuiet = std::chrono::seconds(30);
constexpr Duration kAwayAfter = std::chrono::seconds(5);
// librdkafka repeats what goes on every 30 s.
constexpr Duration kCauseLasts = std::chrono::minutes(2);
constexpr std::size_t kNamedMax = 3;

}  // namespace

bool BrokerReach::is_any_up() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const auto& each) { return each.second == Connection::up; });
}

void BrokerReach::hear(Instant now) {
  has_connected_ = true;
  has_failed_ = false;
  unanswered_since_ = kNever;
  causes_.erase("");
  ask_at_ = now + kAskQuiet;
}

void BrokerReach::on_connection(const BrokerConnection& connection, Instant now) {
  const bool was_any_up = is_any_up();
  connections_[connection.address] = connection.state;
  if (connection.state == Connection::up) {
    causes_.erase(connection.address);
    // What it greets us with is no answer yet: one that wants a login first shuts the door at the first question.
    if (!is_asking_ && (!has_connected_ || unanswered_since_ != kNever)) ask_at_ = now;
  } else if (was_any_up && !is_any_up()) {
    ask_at_ = now;
  }
}

void BrokerReach::on_found(const KafkaEvents& found, Instant now) {
  // Causes first: of a broker that failed and came up meanwhile nothing is left.
  for (const KafkaTrouble& trouble : found.troubles) {
    if (trouble.name == "all_brokers_down") continue;
    BrokerCause cause = cause_of(trouble);
    causes_[cause.address] = {.cause = cause, .at = now};
  }
  for (const BrokerConnection& connection : found.connections) on_connection(connection, now);
  // What is refused without a broker says nothing.
  const bool is_acked = std::any_of(found.reports.begin(), found.reports.end(),
                                    [](const DeliveryReport& report) { return report.fault == KafkaFault::none; });
  if (is_acked) hear(now);
  for (const TopicAnswer& answer : found.answers) {
    if (answer.topic.empty()) is_asking_ = false;
    if (answer.fault != KafkaFault::no_answer) {
      hear(now);
      continue;
    }
    has_failed_ = true;
    unanswered_since_ = std::min(unanswered_since_, now);
    ask_at_ = answer.topic.empty() ? now + kAskAgain : std::min(ask_at_, now + kAskAgain);
  }
  forget_old(now);
}

void BrokerReach::on_replaced(Instant now) {
  connections_.clear();
  is_asking_ = false;  // what the old one was asked is not answered
  ask_at_ = now;
}

void BrokerReach::ask_due(KafkaClient* client, Instant now) {
  if (is_asking_ || now < ask_at_ || client == nullptr) return;
  is_asking_ = true;
  unanswered_since_ = std::min(unanswered_since_, now);
  client->request_metadata("");
}

bool BrokerReach::is_away(Instant now) const {
  if (has_failed_ && !is_any_up()) return true;
  return unanswered_since_ != kNever && now - unanswered_since_ >= kAwayAfter;
}

bool BrokerReach::is_refused() const {
  return std::any_of(causes_.begin(), causes_.end(),
                     [](const auto& each) { return each.second.cause.is_about_secrets(); });
}

std::string BrokerReach::cause(Instant now) const {
  std::vector<std::string> texts;
  for (const auto& [address, cause] : causes_) {
    if (now - cause.at < kCauseLasts) texts.push_back(to_string(cause.cause));
  }
  for (const auto& [address, state] : connections_) {
    if (const std::string_view text = text_of(state); !text.empty() && !causes_.contains(address))
      texts.push_back(fmt::format("{}: {}", address, text));
  }
  std::string all;
  for (std::size_t i = 0; i < std::min(texts.size(), kNamedMax); ++i) all += (i == 0 ? "" : "; ") + texts[i];
  if (texts.size() > kNamedMax) all += fmt::format("; and {} more", texts.size() - kNamedMax);
  return all;
}

void BrokerReach::forget_old(Instant now) {
  std::erase_if(causes_, [now](const auto& each) { return now - each.second.at >= kCauseLasts; });
}

}  // namespace tailrace
