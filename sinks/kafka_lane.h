// KafkaLane: one partition of one topic, as KafkaSink keeps it, and the batches that are open on it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "buffer/batch.h"
#include "sinks/kafka_client.h"
#include "sinks/sink.h"
#include "sinks/topic_book.h"

namespace tailrace {

// What the counters are by: file bytes and, for each record, its books.
inline std::uint64_t charge_of(std::uint64_t bytes, std::uint64_t records) {
  return bytes + records * kRecordOverheadBytes;
}

// The arena of a lane that was empty for so long is closed.
inline constexpr Duration kQuietArena = std::chrono::seconds(2);

struct KafkaLane final : Lane {
  KafkaLane(Topic& of_topic, std::int32_t of_partition, std::uint32_t of_number) : topic(of_topic) {
    partition = of_partition;
    number = of_number;
  }

  Topic& topic;

  std::uint64_t out_records = 0;      // with the client, not yet reported
  std::uint64_t out_bytes = 0;        // of them, until all are reported
  bool is_proven = false;             // the broker has taken a request of this client
  std::uint64_t requests = 0;         // so many were handed over
  std::size_t request_records = 0;    // in the last of them
  std::uint64_t refused_request = 0;  // the last one that was too large for the topic
  std::int32_t broker = -1;           // its leader when `out_records` was 0 the last time
  bool is_parked = false;             // the client sends nothing of it
  std::uint64_t charge = 0;           // bytes and books of all its open batches, held ones too
  std::uint64_t reading = 0;          // what is being read for it will be charged about so much
  Instant quiet_since = kNever;       // last report, or since something is out; kNever: nothing is
  bool is_stuck = false;              // out and without a report for 1 s
  Instant gone_since = kNever;        // its partition, as the topic's answers say
  Instant empty_since{};              // while charge is 0

  std::set<BatchId> held;            // open, and not, or not wholly, with the client: they go out in this order
  bool is_gathering = false;         // they wait for company, or for the request before them
  std::uint64_t gathered = 0;        // bytes of what is held
  Instant sent_at = Instant::min();  // something was handed to the client
  std::uint32_t without_books = 0;   // of its batches: a client that is going has them

  // Records came back: they are held again, and nothing goes out before all is reported, `retry_at` has come and the
  // topic has answered.
  bool is_waiting = false;
  Instant retry_at = kNever;
  std::uint64_t answers_before = 0;  // of the topic, when it began to wait
  Duration backoff{0};
  std::string reason;  // why it waits

  // Batches of which some records were refused wait for the spool; while it takes nothing, neither does the lane.
  std::string spool_reason;
};

struct RefusedLine {
  std::uint32_t index = 0;  // in batch.lines
  KafkaFault fault = KafkaFault::invalid;
  std::string_view reason;  // static storage
};

struct OpenBatch {
  Batch batch;
  KafkaLane* lane = nullptr;
  std::uint64_t charge = 0;       // of lane->charge
  std::uint64_t books = 0;        // of the budget: kRecordOverheadBytes a record
  std::uint32_t next_line = 0;    // the first that is not with the client, nor was reported
  std::uint32_t out = 0;          // records with the client
  bool is_given_back = false;     // records came back: `next_line` is the first of them
  bool is_without_books = false;  // a client that is going has them
  std::vector<RefusedLine> refused;
};

}  // namespace tailrace
