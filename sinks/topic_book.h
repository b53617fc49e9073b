// TopicBook: what is known of each topic: how many partitions it has, or why that is not known and when it is asked
// again.
//
//   asked ──answer──▶ known ──asked again: a record came back, 5 min have passed──┐
//     │ ▲               ▲ └──────────an answer says so──────────▶ refused          │
//     ▼ │ after 0.5, 1, 2, 4, 8, 10, 10 s ...                                      │
//   refused (unknown, not authorized, nobody answers)           known ◀────────────┘
//
// Loop thread only; asks through the KafkaClient, never waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sinks/kafka_client.h"

namespace tailrace {

struct Topic {
  enum class State : std::uint8_t { asked, known, refused };

  std::string name;
  State state = State::asked;
  std::int32_t partitions = 0;        // while known
  std::vector<std::int32_t> leaders;  // by partition, as the last answer said
  std::string reason;                 // while not known: what the last answer said; empty: there was none yet
  Instant ask_at = kNever;            // while refused
  Duration backoff{0};
  std::uint64_t answers = 0;  // so many have come
  Instant fresh_until{};      // while known: after it a new source asks again, for partitions that were added

  // Requests: what the topic takes, as it told or as it was found out. What was refused is halved; a minute after the
  // last refusal it is tried whether it takes more again, then after two, four, up to 64.
  std::uint64_t request_bytes_max = kRequestBytesMax;
  std::uint64_t told_bytes_max = kRequestBytesMax;
  Instant grow_at = kNever;
  Duration grow_after{0};

  bool is_known() const { return state == State::known; }
  std::int32_t leader(std::int32_t partition) const {
    const auto at = static_cast<std::size_t>(partition);
    return at < leaders.size() ? leaders[at] : -1;
  }
};

class TopicBook {
 public:
  // Asks for a topic that was never asked for. References stay valid.
  Topic& find(const std::string& name, KafkaClient* client, Instant now);
  // `client` may be null (there is none at the moment): asked when there is.
  void ask_all(KafkaClient* client, Instant now);                 // a new producer: nothing is known any more
  void distrust(Topic& topic, KafkaClient* client, Instant now);  // asks; what is known stands until the answer
  void refresh(Topic& topic, KafkaClient* client, Instant now);   // asks, but stays known meanwhile
  const Topic* known(const std::string& name) const;              // null: never asked for, or not known
  void on_answer(const TopicAnswer& answer, Instant now);
  void on_limit(const TopicLimit& limit);
  static void on_request_refused(Topic& topic, std::uint64_t bytes, Instant now);  // for its size
  static void on_request_taken(Topic& topic, Instant now);
  void ask_due(KafkaClient* client, Instant now);

  Instant next_deadline() const;
  Instant unanswered_since() const { return unanswered_since_; }  // kNever: every question has had its answer
  const std::map<std::string, Topic>& all() const { return topics_; }

 private:
  void note_asked(Instant now);

  std::map<std::string, Topic> topics_;
  Instant unanswered_since_ = kNever;
};

}  // namespace tailrace
