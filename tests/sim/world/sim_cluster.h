// SimCluster: Kafka on the far side of the KafkaClient seam, in simulated time.
//
// The model, a partition: requests (one produce call each) wait in a queue; the broker takes them in order, stores the
// records, and answers a little later. Between storing and answering lies the doubt: a client that is retired, killed
// or fatally ill there never hears of what was stored. A retired client's queue may still be stored up to any point,
// never with a gap: its requests are in one connection. Records are read when they are stored, not when they are
// produced, and compared with what they were then: memory that was given back too early shows.
//
// Moods: up (answers take `latency`), silent (takes no request, or takes and does not answer), away (takes nothing,
// questions end without an answer). In any mood a partition can give everything back (unknown topic, not authorized to
// write; at once or one request after the other), refuse single records, and a client can fall ill for good. What is
// larger than the client's record_bytes_max it refuses by itself. All topics are there, with `partitions` partitions
// each. Not modelled: a broker that breaks the order of one connection, a partition that does not exist (asserted),
// troubles and statistics.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinks/kafka_client.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/world/dice.h"

namespace tailrace::sim {

class SimKafkaClient;

class SimCluster {
 public:
  enum class Mood : std::uint8_t { up, silent, away };
  // A record became part of the log (is_refused: was refused for good, and so never will; is_late: its client had been
  // replaced long before). `text` is valid in the call.
  using OnRecord = std::function<void(const std::string& topic, std::int32_t partition, std::string_view text,
                                      bool is_refused, bool is_late)>;
  using OnBreach = std::function<void(const std::string& what)>;

  SimCluster(const SimClock& clock, std::uint64_t seed, std::int32_t partitions);

  KafkaClientFactory factory();
  void on_record(OnRecord callback) { on_record_ = std::move(callback); }
  void on_breach(OnBreach callback) { on_breach_ = std::move(callback); }

  void set_mood(Mood mood) { mood_ = mood; }
  Mood mood() const { return mood_; }
  void set_latency(Duration latency) { latency_ = latency; }
  void set_spins(bool spins) { spins_ = spins; }  // a silent broker makes the client's threads burn CPU
  void set_lingers(bool lingers);  // a retired client is not gone, and reads its records, before this is false
  // All that is out is given back, at once or a request at a time (that then goes on to the last of them, though
  // nothing is denied any more). Topics are unknown, or may be asked for but not written to.
  struct Denial {
    bool is_one_by_one = false, is_of_writes_only = false;
  };
  void deny(Denial how) {
    is_denied_ = true;
    denial_ = how;
  }
  void allow() { is_denied_ = false; }
  // The next partition that gets records takes none of them until `go_on`; the others do.
  void stall_next() { stalls_next_ = true; }
  void go_on() {
    stalls_next_ = false;
    stalled_.reset();
  }
  bool has_stalled() const { return stalled_.has_value(); }
  void refuse(std::uint32_t records) { refuse_ += records; }  // the next ones that are taken
  bool make_ill();                                            // the living client; false: there is none
  // The agent's process is gone: what its clients had sent may still arrive.
  void lose_clients();

  // Does what is due by now.
  void advance();
  Instant next_event() const;  // kNever: nothing is due
  std::size_t outstanding() const;
  std::size_t lanes_out() const;  // of clients that are in use
  // What is out on lanes without an answer for a second, with so much for each record.
  std::uint64_t stuck_bytes(std::uint64_t overhead_bytes) const;
  std::size_t clients() const { return clients_.size(); }
  std::uint64_t stored() const { return stored_; }
  std::uint64_t in_doubt() const { return in_doubt_; }  // records stored that nobody was told of

 private:
  friend class SimKafkaClient;
  struct Sent {
    std::uint64_t token;
    const std::byte* value;
    std::uint32_t bytes;
    std::uint64_t hash;
  };
  struct Request {
    std::vector<Sent> records;
    bool is_stored = false;
    std::vector<bool> refused;
    Instant due = kNever;  // of its next step; kNever: it is not the first of its queue yet
    Instant sent{};
  };
  using Lane = std::pair<std::string, std::int32_t>;

  void store(const Lane& lane, Request& request, bool is_late = false);
  void answer(SimKafkaClient& client, Request& request);
  void give_back(SimKafkaClient& client, std::deque<Request>& queue, std::size_t requests);
  void drop(SimKafkaClient& client);  // what it had sent: up to some point it was stored
  Duration some_latency();

  const SimClock& clock_;
  Dice dice_;
  std::int32_t partitions_;
  std::vector<SimKafkaClient*> clients_;
  Mood mood_ = Mood::up;
  Duration latency_{std::chrono::milliseconds(2)};
  bool spins_ = false, lingers_ = false, is_denied_ = false;
  Denial denial_;
  bool stalls_next_ = false;
  std::optional<Lane> stalled_;
  std::uint32_t refuse_ = 0;
  std::uint64_t stored_ = 0, in_doubt_ = 0;
  OnRecord on_record_;
  OnBreach on_breach_;
};

class SimKafkaClient final : public KafkaClient {
 public:
  SimKafkaClient(SimCluster& cluster, KafkaClientOptions options);
  ~SimKafkaClient() override;
  SimKafkaClient(const SimKafkaClient&) = delete;
  SimKafkaClient& operator=(const SimKafkaClient&) = delete;

  void produce(const std::string& topic, std::int32_t partition, std::vector<KafkaRecord> records) override;
  void park(const std::vector<PartitionName>& partitions) override;
  void resume(const std::vector<PartitionName>& partitions) override;
  void give_back_queued() override {}  // what its topics' partitions have is given back by the cluster's faults
  void request_metadata(const std::string& topic) override;
  void set_credentials(const std::string&, const std::string&) override {}
  void poll(KafkaEvents& events) override;
  Duration cpu_time(std::int32_t broker) const override;
  const std::map<std::string, BrokerStatistics>& statistics() const override { return statistics_; }
  void retire() override;
  bool is_gone() const override { return is_retired_ && !cluster_.lingers_; }
  bool wait_gone(Duration) override {
    cluster_.drop(*this);
    return true;
  }

 private:
  friend class SimCluster;
  struct Question {
    std::string topic;
    Instant due;
    bool is_lost;  // nobody will have answered
  };

  SimCluster& cluster_;
  KafkaClientOptions options_;
  std::map<SimCluster::Lane, std::deque<SimCluster::Request>> queues_;
  std::map<SimCluster::Lane, Instant> heard_;  // the last answer
  std::set<SimCluster::Lane> parked_;
  // So many from the front are to be given back; once the first is, those sent later are not among them.
  struct Denied {
    std::size_t left = 0;
    bool has_begun = false;
  };
  std::map<SimCluster::Lane, Denied> denied_;
  std::deque<Question> questions_;
  KafkaEvents news_;
  std::map<std::string, BrokerStatistics> statistics_;
  mutable Duration cpu_{0};   // what the threads of a librdkafka that spins would have used
  mutable Instant cpu_at_{};  // so far it is known
  bool is_retired_ = false, is_ill_ = false;
};

}  // namespace tailrace::sim
