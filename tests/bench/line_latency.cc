// line_latency: how long a line takes from being written until a consumer of the topic has it. One process writes and
// consumes, so that one clock measures.
//
//   line_latency BROKERS TOPIC [name=value...]
//     file=PREFIX      lines are appended to PREFIX0.log .. PREFIX(files-1).log in turn, for an agent to ship
//     file=            (the default) bare: they are handed to librdkafka here, which is the limit
//     files=1  lines=1000  interval_us=10000   (on average: half to one and a half of it, so that no timer is met in
//     step) partitions=1     the topic's; after the warm-up only those in which lines arrived are consumed any other
//     name   a librdkafka property of the bare producer
//
// Prints one line of JSON: for `consumed` (written to consumed) and, when bare, `reported` (handed over to delivery
// report) p50, p90, p99 and max in milliseconds; and the partition of each file. Fails when a line is missing for 60 s.
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/access_log.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string brokers, topic;
  std::string file = {};
  std::size_t files = 1;
  std::size_t lines = 1000;
  std::int64_t interval_us = 10'000;
  int partitions = 1;
  int partition = -1;  // -1: all
  bool holds = false;
  // As tailrace sets them; the linger is the wait of its own that the agent has by default.
  std::map<std::string, std::string> librdkafka = {
      {"acks", "all"},    {"enable.idempotence", "true"},  {"compression.codec", "zstd"}, {"compression.level", "1"},
      {"linger.ms", "5"}, {"socket.nagle.disable", "true"}};
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "line_latency: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(1);
}

Options parse(int argc, char** argv) {
  if (argc < 3) fail("usage: line_latency BROKERS TOPIC [name=value...]");
  Options options{.brokers = argv[1], .topic = argv[2]};
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) fail(argument + " is not name=value");
    const std::string name = argument.substr(0, equals);
    const std::string value = argument.substr(equals + 1);
    const auto number = static_cast<std::size_t>(std::strtoull(value.c_str(), nullptr, 10));
    if (name == "file") {
      options.file = value;
    } else if (name == "files") {
      options.files = number;
    } else if (name == "lines") {
      options.lines = number;
    } else if (name == "interval_us") {
      options.interval_us = static_cast<std::int64_t>(number);
    } else if (name == "partitions") {
      options.partitions = static_cast<int>(number);
    } else if (name == "partition") {
      options.partition = static_cast<int>(number);
    } else if (name == "hold") {
      options.holds = number != 0;
    } else {
      options.librdkafka[name] = value;
    }
  }
  return options;
}

rd_kafka_conf_t* conf_of(const std::map<std::string, std::string>& properties) {
  std::array<char, 512> why{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      fail(why.data());
  }
  return conf;
}

rd_kafka_t* client(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  std::array<char, 512> why{};
  rd_kafka_t* made = rd_kafka_new(type, conf, why.data(), why.size());
  if (made == nullptr) fail(why.data());
  return made;
}

// Line n was written at written[n]; what came back is written by one thread each and read when all are joined.
struct Times {
  std::vector<Clock::time_point> written, consumed, reported;
  explicit Times(std::size_t lines) : written(lines), consumed(lines), reported(lines) {}
};

class Writer {
 public:
  virtual ~Writer() = default;
  virtual void write(std::size_t number, std::string_view line) = 0;  // without its "\n"
  virtual void finish() {}
};

class FileWriter final : public Writer {
 public:
  explicit FileWriter(const Options& options) {
    for (std::size_t i = 0; i < options.files; ++i) {
      const std::string path = options.file + std::to_string(i) + ".log";
      fds_.push_back(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
      if (fds_.back() < 0) fail(path + ": " + std::strerror(errno));
    }
  }
  void write(std::size_t number, std::string_view line) override {
    const std::string whole = std::string(line) + "\n";
    const ssize_t wrote = ::write(fds_[number % fds_.size()], whole.data(), whole.size());
    if (wrote != static_cast<ssize_t>(whole.size())) fail("a line could not be written");
  }

 private:
  std::vector<int> fds_;
};

class BareWriter final : public Writer {
 public:
  BareWriter(const Options& options, Times& times) : times_(times) {
    auto properties = options.librdkafka;
    properties["bootstrap.servers"] = options.brokers;
    rd_kafka_conf_t* conf = conf_of(properties);
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* report, void* self) {
      if (report->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(report->err));
      auto* const writer = static_cast<BareWriter*>(self);
      writer->times_.reported[reinterpret_cast<std::uintptr_t>(report->_private)] = Clock::now();
      ++writer->reports_;
    });
    kafka_ = client(RD_KAFKA_PRODUCER, conf);
    topic_ = rd_kafka_topic_new(kafka_, options.topic.c_str(), nullptr);
    poller_ = std::thread([this] {
      while (!is_done_) rd_kafka_poll(kafka_, 100);
    });
  }
  void write(std::size_t number, std::string_view line) override {
    ++handed_over_;
    if (rd_kafka_produce(topic_, 0, RD_KAFKA_MSG_F_COPY, const_cast<char*>(line.data()), line.size(), nullptr, 0,
                         reinterpret_cast<void*>(number)) != 0) {
      fail(rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  void finish() override {
    if (rd_kafka_flush(kafka_, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("not everything was acknowledged");
    is_done_ = true;
    poller_.join();
    if (reports_ != handed_over_) fail("delivery reports are missing");
  }

 private:
  Times& times_;
  rd_kafka_t* kafka_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  std::atomic<std::size_t> reports_ = 0;
  std::size_t handed_over_ = 0;
  std::atomic<bool> is_done_ = false;
  std::thread poller_;
};

class Consumer {
 public:
  // From the ends that the partitions have now on: waits until each was reached once.
  explicit Consumer(const Options& options) : options_(options) {
    kafka_ = client(RD_KAFKA_CONSUMER, conf_of({{"bootstrap.servers", options.brokers},
                                                {"group.id", "line_latency"},
                                                {"enable.partition.eof", "true"},
                                                {"allow.auto.create.topics", "true"}}));
    rd_kafka_poll_set_consumer(kafka_);
    std::set<int> all;
    for (int i = 0; i < options.partitions; ++i) {
      if (options.partition < 0 || options.partition == i) all.insert(i);
    }
    consume_only(all);
    for (std::size_t ends = 0; ends < all.size();) {
      rd_kafka_message_t* message = poll();
      if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) ++ends;
      rd_kafka_message_destroy(message);
    }
  }

  void consume_only(const std::set<int>& partitions) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size()));
    for (const int p : partitions) {
      auto* const entry = rd_kafka_topic_partition_list_add(list, options_.topic.c_str(), p);
      const auto next = next_.find(p);
      entry->offset = next == next_.end() ? RD_KAFKA_OFFSET_END : next->second;
    }
    if (rd_kafka_assign(kafka_, list) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("cannot assign the partitions");
    rd_kafka_topic_partition_list_destroy(list);
  }

  // The number of the next of our lines; others are passed over.
  std::size_t next(int& partition) {
    constexpr std::string_view kName = " seq=";
    while (true) {
      rd_kafka_message_t* message = poll();
      const std::string_view value(static_cast<const char*>(message->payload), message->len);
      const std::size_t at = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? value.rfind(kName) : std::string_view::npos;
      std::size_t number = options_.lines;
      if (at != std::string_view::npos) {
        std::from_chars(value.data() + at + kName.size(), value.data() + value.size(), number);
        partition = message->partition;
        next_[partition] = message->offset + 1;
      }
      rd_kafka_message_destroy(message);
      if (number < options_.lines) return number;
    }
  }

 private:
  rd_kafka_message_t* poll() {
    for (int seconds = 0; seconds < 60; ++seconds) {
      if (rd_kafka_message_t* message = rd_kafka_consumer_poll(kafka_, 1'000); message != nullptr) return message;
    }
    fail("nothing arrives");
  }

  const Options& options_;
  rd_kafka_t* kafka_ = nullptr;
  std::map<int, std::int64_t> next_;  // offset, by partition
};

void write_lines(const Options& options, Writer& writer, Times& times, std::size_t first, std::size_t end) {
  std::minstd_rand random(1);
  std::uniform_int_distribution<std::int64_t> pause(options.interval_us / 2, options.interval_us * 3 / 2);
  Clock::time_point at = Clock::now();
  std::string line;
  for (std::size_t number = first; number < end; ++number) {
    line.clear();
    tailrace::append_access_lines(line, number, 1, 1);
    line.pop_back();
    at += std::chrono::microseconds(pause(random));
    std::this_thread::sleep_until(at);
    times.written[number] = Clock::now();
    writer.write(number, line);
  }
}

using Place = std::map<std::size_t, int>;  // partition, by file

// One line a file is the warm-up: connections, metadata, files found; it tells where each file's lines go.
Place run(const Options& options, Writer& writer, Consumer& consumer, Times& times) {
  Place place;
  const auto consume = [&](std::size_t count) {
    for (std::size_t got = 0; got < count; ++got) {
      int partition = 0;
      const std::size_t number = consumer.next(partition);
      times.consumed[number] = Clock::now();
      place[number % options.files] = partition;
    }
  };
  write_lines(options, writer, times, 0, options.files);
  consume(options.files);
  std::set<int> used;
  for (const auto& [file, partition] : place) used.insert(partition);
  if (options.partition < 0 && used.size() < static_cast<std::size_t>(options.partitions)) consumer.consume_only(used);
  std::thread thread([&] { write_lines(options, writer, times, options.files, options.lines); });
  consume(options.lines - options.files);
  thread.join();
  writer.finish();
  return place;
}

std::string quantiles(const Times& times, const std::vector<Clock::time_point>& ends, std::size_t first) {
  std::vector<double> ms;
  for (std::size_t i = first; i < ends.size(); ++i) {
    ms.push_back(std::chrono::duration<double, std::milli>(ends[i] - times.written[i]).count());
  }
  std::sort(ms.begin(), ms.end());
  const auto at = [&ms](double share) {
    return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
  };
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), R"({"p50": %.3f, "p90": %.3f, "p99": %.3f, "max": %.3f})", at(0.5), at(0.9),
                at(0.99), ms.back());
  return text.data();
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  const bool is_bare = options.file.empty();
  options.lines += options.files;  // the warm-up
  Times times(options.lines);
  if (options.holds) {
    BareWriter writer(options, times);
    writer.write(0, "one line");
    ::pause();
  }
  Consumer consumer(options);
  Place place;
  if (is_bare) {
    BareWriter writer(options, times);
    place = run(options, writer, consumer, times);
  } else {
    FileWriter writer(options);
    place = run(options, writer, consumer, times);
  }
  std::string partitions;
  for (const auto& [file, partition] : place)
    partitions += (partitions.empty() ? "" : ", ") + std::to_string(partition);
  std::printf("{\"lines\": %zu, \"consumed\": %s, \"reported\": %s, \"partitions\": [%s]}\n",
              options.lines - options.files, quantiles(times, times.consumed, options.files).c_str(),
              is_bare ? quantiles(times, times.reported, options.files).c_str() : "null", partitions.c_str());
  std::fflush(stdout);
  std::_Exit(0);  // nothing to say goodbye to
}
