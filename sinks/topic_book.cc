#include "sinks/topic_book.h"

#include <algorithm>

namespace tailrace {
namespace {

constexpr Duration kBackoffMin = std::chrono::milliseconds(500);
constexpr Duration kBackoffMax = std::chrono::seconds(10);
constexpr std::uint64_t kRequestBytesMin = 256;  // no topic has so small a limit
constexpr Duration kGrowFirst = std::chrono::minutes(1);
constexpr Duration kGrowLast = std::chrono::minutes(64);
constexpr Duration kFresh = std::chrono::minutes(5);

}  // namespace

Topic& TopicBook::find(const std::string& name, KafkaClient* client, Instant now) {
  auto [found, is_new] = topics_.try_emplace(name);
  Topic& topic = found->second;
  if (!is_new) return topic;
  topic.name = name;
  note_asked(now);
  if (client != nullptr) client->request_metadata(name);
  return topic;
}

void TopicBook::ask_all(KafkaClient* client, Instant now) {
  for (auto& [name, topic] : topics_) {
    topic.state = Topic::State::asked;
    topic.backoff = Duration(0);
    topic.ask_at = kNever;
    note_asked(now);
    if (client != nullptr) client->request_metadata(name);
  }
}

void TopicBook::distrust(Topic& topic, KafkaClient* client, Instant now) {
  if (!topic.is_known()) return;
  note_asked(now);
  if (client != nullptr) client->request_metadata(topic.name);
}

void TopicBook::refresh(Topic& topic, KafkaClient* client, Instant now) {
  if (!topic.is_known() || now < topic.fresh_until || client == nullptr) return;
  topic.fresh_until = now + kFresh;
  client->request_metadata(topic.name);
}

const Topic* TopicBook::known(const std::string& name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() || !found->second.is_known() ? nullptr : &found->second;
}

void TopicBook::on_answer(const TopicAnswer& answer, Instant now) {
  if (answer.fault != KafkaFault::no_answer) unanswered_since_ = kNever;
  const auto found = topics_.find(answer.topic);
  if (found == topics_.end()) return;
  Topic& topic = found->second;
  if (answer.fault != KafkaFault::no_answer) ++topic.answers;
  if (answer.fault == KafkaFault::none) {
    topic.state = Topic::State::known;
    topic.partitions = answer.partitions;
    topic.leaders = answer.leaders;
    topic.reason.clear();
    topic.backoff = Duration(0);
    topic.ask_at = kNever;
    topic.fresh_until = now + kFresh;
    return;
  }
  // A refresh that nobody answers says nothing against what is known.
  if (topic.is_known() && answer.fault == KafkaFault::no_answer) return;
  topic.state = Topic::State::refused;
  topic.reason = answer.reason;
  // Nobody answers: each question waits inside the client for some seconds anyway.
  const bool is_first = topic.backoff == Duration(0) || answer.fault == KafkaFault::no_answer;
  topic.backoff = is_first ? kBackoffMin : std::min(2 * topic.backoff, kBackoffMax);
  topic.ask_at = now + topic.backoff;
}

void TopicBook::on_limit(const TopicLimit& limit) {
  const auto found = topics_.find(limit.topic);
  if (found == topics_.end()) return;
  Topic& topic = found->second;
  topic.told_bytes_max = std::min<std::uint64_t>(limit.request_bytes_max, kRequestBytesMax);
  topic.request_bytes_max = std::min(topic.request_bytes_max, topic.told_bytes_max);
}

void TopicBook::on_request_refused(Topic& topic, std::uint64_t bytes, Instant now) {
  topic.request_bytes_max = std::max(std::min(topic.request_bytes_max, bytes) / 2, kRequestBytesMin);
  topic.grow_after = std::min(std::max(2 * topic.grow_after, kGrowFirst), kGrowLast);
  topic.grow_at = now + topic.grow_after;
}

void TopicBook::on_request_taken(Topic& topic, Instant now) {
  if (now < topic.grow_at) return;
  topic.request_bytes_max = std::min(2 * topic.request_bytes_max, topic.told_bytes_max);
  topic.grow_at = topic.request_bytes_max < topic.told_bytes_max ? now + topic.grow_after : kNever;
}

void TopicBook::ask_due(KafkaClient* client, Instant now) {
  if (client == nullptr) return;
  for (auto& [name, topic] : topics_) {
    if (topic.state != Topic::State::refused || now < topic.ask_at) continue;
    topic.state = Topic::State::asked;
    topic.ask_at = kNever;
    note_asked(now);
    client->request_metadata(name);
  }
}

Instant TopicBook::next_deadline() const {
  Instant next = kNever;
  for (const auto& [name, topic] : topics_) next = std::min(next, topic.ask_at);
  return next;
}

void TopicBook::note_asked(Instant now) { unanswered_since_ = std::min(unanswered_since_, now); }

}  // namespace tailrace
