// check_topic BROKERS TOPIC PARTITIONS LINES [SEED [SPACING]]: reads a topic that generated access logs were shipped to
// and says whether it is them, byte for byte and in order.
//
// The log's lines carry their numbers; with many files, file i holds the numbers from i * SPACING on. Each file's lines
// must come once, from its first on, each being what the generator makes of its number; LINES is their sum over all
// files. Prints what is wrong, or `same: LINES lines of FILES files`. Exit status 1 when anything is.
#include <librdkafka/rdkafka.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "tests/bench/access_log.h"

namespace {

struct Options {
  std::string brokers, topic;
  int partitions = 1;
  std::uint64_t lines = 0;
  std::uint64_t seed = 1;
  std::uint64_t spacing = ~std::uint64_t{0};
};

[[noreturn]] void fail(const std::string& why) {
  std::printf("%s\n", why.c_str());
  std::fflush(stdout);
  std::_Exit(1);
}

class Checker {
 public:
  explicit Checker(const Options& options) : options_(options) {}

  void arrived(std::string_view value) {
    constexpr std::string_view kName = " seq=";
    const std::size_t at = value.rfind(kName);
    std::uint64_t number = 0;
    if (at == std::string_view::npos) fail("no line of the log: " + std::string(value));
    std::from_chars(value.data() + at + kName.size(), value.data() + value.size(), number);
    line_.clear();
    tailrace::append_access_lines(line_, number, 1, options_.seed);
    line_.pop_back();
    if (line_ != value) fail("damaged: " + std::string(value) + "\nshould be: " + line_);
    const std::uint64_t file = number / options_.spacing;
    const auto [next, is_new] = next_.try_emplace(file, file * options_.spacing);
    if (next->second != number) {
      fail("line " + std::to_string(number) + " came where " + std::to_string(next->second) + " was due");
    }
    ++next->second;
    ++lines_;
  }

  std::uint64_t lines() const { return lines_; }
  std::size_t files() const { return next_.size(); }

 private:
  const Options& options_;
  std::map<std::uint64_t, std::uint64_t> next_;  // by file, the number that is due
  std::string line_;
  std::uint64_t lines_ = 0;
};

rd_kafka_t* new_consumer(const Options& options) {
  std::array<char, 512> why{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", options.brokers.c_str(), why.data(), why.size());
  rd_kafka_conf_set(conf, "group.id", "check_topic", why.data(), why.size());
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", why.data(), why.size());
  rd_kafka_conf_set(conf, "check.crcs", "true", why.data(), why.size());
  rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why.data(), why.size());
  if (consumer == nullptr) fail(why.data());
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(options.partitions);
  for (int p = 0; p < options.partitions; ++p) {
    rd_kafka_topic_partition_list_add(list, options.topic.c_str(), p)->offset = 0;
  }
  if (rd_kafka_assign(consumer, list) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("cannot assign the partitions");
  rd_kafka_topic_partition_list_destroy(list);
  return consumer;
}

void read_to_ends(const Options& options, Checker& checker) {
  rd_kafka_t* consumer = new_consumer(options);
  int ends = 0;
  int silent_seconds = 0;
  while (ends < options.partitions) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 1'000);
    silent_seconds = message == nullptr ? silent_seconds + 1 : 0;
    if (silent_seconds > 60) fail("the broker hands out nothing");
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      ++ends;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      checker.arrived({static_cast<const char*>(message->payload), message->len});
    }
    rd_kafka_message_destroy(message);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc > 7) {
    std::fputs("usage: check_topic BROKERS TOPIC PARTITIONS LINES [SEED [SPACING]]\n", stderr);
    return 2;
  }
  Options options{.brokers = argv[1], .topic = argv[2]};
  options.partitions = static_cast<int>(std::strtol(argv[3], nullptr, 10));
  options.lines = std::strtoull(argv[4], nullptr, 10);
  if (argc > 5) options.seed = std::strtoull(argv[5], nullptr, 10);
  if (argc > 6) options.spacing = std::strtoull(argv[6], nullptr, 10);
  Checker checker(options);
  read_to_ends(options, checker);
  if (checker.lines() != options.lines) {
    fail(std::to_string(checker.lines()) + " of " + std::to_string(options.lines) + " lines arrived");
  }
  std::printf("same: %llu lines of %zu files\n", static_cast<unsigned long long>(checker.lines()), checker.files());
  std::fflush(stdout);
  std::_Exit(0);  // nothing to say goodbye to: no group was joined
}
