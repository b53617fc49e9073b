// KafkaClient: the seam between KafkaSink and Kafka. RdKafkaClient is its real side; a simulation twins it.
//
// Everything is asked for without waiting and answered in poll(), as values: delivery reports, metadata, errors.
// Records are not copied: their bytes must stay valid and unchanged until they are reported or the client is gone. What
// becomes of a record is one of: delivered, waited out inside (no report until it ends), refused for good, given back
// (retriable by us), or no report at all (a silent broker; a fatal error; a client that was retired).
// Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/event_fd.h"
#include "config/config.h"

namespace tailrace {

// What a report or an answer says, by what can be done about it.
enum class KafkaFault : std::uint8_t {
  none,
  too_large,          // refused for good: larger than the client's limit
  request_too_large,  // the broker found the request too large that it came in; whether it is itself, its sender knows
  invalid,            // refused for good: corrupt, or not what the topic takes (no key for a compacted one)
  bad_timestamp,      // refused for good: outside what the topic takes
  given_back,  // unknown topic or partition, not authorized, purged: may succeed later, whether it was stored is in
               // doubt
  no_answer,   // metadata only: nobody answered within the bound
};

inline bool is_refusal(KafkaFault fault) {
  return fault == KafkaFault::too_large || fault == KafkaFault::request_too_large || fault == KafkaFault::invalid ||
         fault == KafkaFault::bad_timestamp;
}

struct KafkaRecord {
  const std::byte* value = nullptr;  // never null, also when empty
  std::uint32_t bytes = 0;
  std::uint64_t token = 0;  // comes back in its report
};

// `count` records that follow each other under one token have the same fate. With a fault: one record, and which.
struct DeliveryReport {
  std::uint64_t token = 0;
  std::uint32_t count = 0;
  KafkaFault fault = KafkaFault::none;
  const std::byte* value = nullptr;  // with a fault: as it was handed in
  std::string_view name = {};        // with a fault: Kafka's name of the error; static storage, as is `reason`
  std::string_view reason = {};      // for a person
};

struct TopicAnswer {
  std::string topic;
  std::int32_t partitions = 0;             // with a fault: 0
  std::vector<std::int32_t> leaders = {};  // by partition, a broker's id; -1: there is none now
  KafkaFault fault = KafkaFault::none;
  std::string name = {};  // with a fault: a short word; `reason` is for a person
  std::string reason = {};
};

// The largest request that a topic takes, after its answer; told where the brokers let us read it.
struct TopicLimit {
  std::string topic;
  std::uint64_t request_bytes_max = 0;
};

struct PartitionName {
  std::string topic;
  std::int32_t partition = -1;
};

struct KafkaTrouble {
  std::string name;  // a short word for metrics, without spaces: "transport", "all_brokers_down"
  std::string text;  // for a person
};

// How far a connection to a broker has come.
enum class Connection : std::uint8_t { none, connecting, tls, greeting, login, up };

struct BrokerConnection {
  std::string address;  // "broker-1:9092"
  Connection state = Connection::none;
};

struct BrokerStatistics {
  double rtt_seconds = 0;
  std::uint64_t retries = 0;  // rises only
};

// What poll found. Appended to.
struct KafkaEvents {
  std::vector<DeliveryReport> reports = {};
  std::vector<TopicAnswer> answers = {};
  std::vector<TopicLimit> limits = {};
  std::vector<KafkaTrouble> troubles = {};
  std::vector<BrokerConnection> connections = {};  // those that have changed, as they are now
  bool has_statistics = false;                     // there are new ones
  // This client will deliver nothing more, and report nothing that can be relied on.
  std::optional<std::string> fatal = {};
};

class KafkaClient {
 public:
  virtual ~KafkaClient() = default;

  // Hands over all of `records`, in order, after those handed over before for this partition, as one request (where
  // they are no more than kRequestBytesMax). A record that is refused at once is reported like the others, in the next
  // poll; those after it are handed over all the same. Not on a parked partition. Never waits.
  virtual void produce(const std::string& topic, std::int32_t partition, std::vector<KafkaRecord> records) = 0;
  // Nothing is sent on parked partitions; what is on its way is reported all the same. A client that waits for a silent
  // broker with more to send spins (decisions/0013); parked it sleeps. Resumed, it looks at them at once.
  virtual void park(const std::vector<PartitionName>& partitions) = 0;
  virtual void resume(const std::vector<PartitionName>& partitions) = 0;
  // What was handed over and not sent yet is given back. Only without idempotence: with it the gap would be one in the
  // sequence numbers.
  virtual void give_back_queued() = 0;
  // Asks for a topic's partitions; one answer a call, within some seconds. "": for none, only whether a broker answers
  // (it is connected to when none is).
  virtual void request_metadata(const std::string& topic) = 0;
  virtual void poll(KafkaEvents& events) = 0;
  // From now on brokers are told these (SASL PLAIN and SCRAM); what is connected and outstanding stays.
  virtual void set_credentials(const std::string& username, const std::string& password) = 0;

  // CPU time that the thread has used that talks to this broker; -1, or a broker that is not known: all of the
  // client's.
  virtual Duration cpu_time(std::int32_t broker) const = 0;
  virtual const std::map<std::string, BrokerStatistics>& statistics() const = 0;

  // Drops all that is outstanding and ends, in its own time: nothing is reported any more, the wake is signalled when
  // it is gone. Only then does nothing of it point into the records' bytes.
  virtual void retire() = 0;
  virtual bool is_gone() const = 0;
  // For the very end only: waits until a retired client is gone, at most `bound`.
  virtual bool wait_gone(Duration bound) = 0;
};

// One request's records, encoded and not yet compressed: just under what a topic takes by default.
inline constexpr std::uint32_t kRequestBytesMax = 1'000'000;

struct KafkaClientOptions {
  std::string client_id = "tailrace";  // by which brokers know it, in their logs and quotas
  std::shared_ptr<EventFd> wake;       // signalled when poll has something; shared with the client's own threads
  std::uint32_t record_bytes_max = 1'000'000;  // larger records are refused without asking the broker
};

// `bad_input` when a property is wrong: the text names it.
using KafkaClientFactory =
    std::function<Result<std::unique_ptr<KafkaClient>>(const SinkConfig&, const KafkaClientOptions&)>;

}  // namespace tailrace
