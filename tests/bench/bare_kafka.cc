// bare_kafka: the limit beside which tailrace's throughput is read. pread, memchr, librdkafka without a copy, nothing
// else: no checkpoint, no order of files, no second file, no error that is answered.
//
//   bare_kafka FILE|DIRECTORY BROKERS TOPIC [name=value...]
//     block=950000     bytes a read: just under batch.size = 1,000,000
//     hand=4           blocks between file and acknowledgement
//     partitions=1     file after file of the directory goes to the next of them
//     any other name   a librdkafka property
//
// Prints one line of JSON: lines, bytes, seconds (first read to last acknowledgement), cpu_seconds, rss_kib.
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

struct Options {
  std::string file, brokers, topic;
  std::size_t block_bytes = 950'000;
  std::size_t blocks_in_hand = 4;
  std::int32_t partitions = 1;
  // As tailrace sets them.
  std::map<std::string, std::string> librdkafka = {{"acks", "all"},
                                                   {"enable.idempotence", "true"},
                                                   {"compression.codec", "zstd"},
                                                   {"compression.level", "1"},
                                                   {"linger.ms", "0"},
                                                   {"batch.size", "1000000"},
                                                   {"batch.num.messages", "1000000"},
                                                   {"queue.buffering.max.messages", "2147483647"},
                                                   {"queue.buffering.max.kbytes", "2147483647"},
                                                   {"message.timeout.ms", "0"},
                                                   {"socket.nagle.disable", "true"}};
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bare_kafka: %s\n", why.c_str());
  std::exit(1);
}

Options parse(int argc, char** argv) {
  if (argc < 4) fail("usage: bare_kafka FILE BROKERS TOPIC [name=value...]");
  Options options{.file = argv[1], .brokers = argv[2], .topic = argv[3]};
  for (int i = 4; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) fail(argument + " is not name=value");
    const std::string name = argument.substr(0, equals);
    const std::string value = argument.substr(equals + 1);
    if (name == "block") {
      options.block_bytes = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "hand") {
      options.blocks_in_hand = std::strtoull(value.c_str(), nullptr, 10);
    } else if (name == "partitions") {
      options.partitions = static_cast<std::int32_t>(std::strtol(value.c_str(), nullptr, 10));
    } else {
      options.librdkafka[name] = value;
    }
  }
  options.librdkafka["bootstrap.servers"] = options.brokers;
  return options;
}

struct Block {
  std::unique_ptr<char[]> bytes;
  std::size_t open_records = 0;
};

class Producer {
 public:
  explicit Producer(const Options& options) {
    std::array<char, 512> why{};
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const auto& [name, value] : options.librdkafka) {
      if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
        fail(why.data());
      }
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    kafka_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why.data(), why.size());
    if (kafka_ == nullptr) fail(why.data());
    topic_ = rd_kafka_topic_new(kafka_, options.topic.c_str(), nullptr);
    queue_ = rd_kafka_queue_get_main(kafka_);
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const std::uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue_, wake_fd_, &one, sizeof one);
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(kafka_, 0, topic_, &metadata, 30'000) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("no metadata");
    rd_kafka_metadata_destroy(metadata);
  }

  void produce(std::vector<rd_kafka_message_t>& records, std::int32_t partition) {
    const int taken = rd_kafka_produce_batch(topic_, partition, 0, records.data(), static_cast<int>(records.size()));
    if (taken != static_cast<int>(records.size())) fail("librdkafka did not take every record");
  }

  // Takes the delivery reports that are there; waits for the first.
  void settle() {
    while (true) {
      if (settle_queued()) return;
      pollfd wake{.fd = wake_fd_, .events = POLLIN, .revents = 0};
      ::poll(&wake, 1, 1'000);
      std::uint64_t count = 0;
      if (::read(wake_fd_, &count, sizeof count) < 0) continue;
    }
  }

 private:
  bool settle_queued() {
    bool any = false;
    while (rd_kafka_event_t* event = rd_kafka_queue_poll(queue_, 0)) {
      if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        std::fprintf(stderr, "bare_kafka: %s\n", rd_kafka_event_error_string(event));
      }
      std::array<const rd_kafka_message_t*, 1024> reports{};
      while (const std::size_t count = rd_kafka_event_message_array(event, reports.data(), reports.size())) {
        for (std::size_t i = 0; i < count; ++i) {
          if (reports[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(reports[i]->err));
          --static_cast<Block*>(reports[i]->_private)->open_records;
        }
        any = true;
      }
      rd_kafka_event_destroy(event);
    }
    return any;
  }

  rd_kafka_t* kafka_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  int wake_fd_ = -1;
};

struct Totals {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
};

// Fills `records` with the block's whole lines; returns how many bytes they are.
std::size_t split(Block& block, std::size_t size, bool is_last, std::vector<rd_kafka_message_t>& records) {
  records.clear();
  char* const begin = block.bytes.get();
  char* const end = begin + size;
  char* at = begin;
  while (at < end) {
    auto* newline = static_cast<char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (newline == nullptr && !is_last) break;
    if (newline == nullptr) newline = end;
    rd_kafka_message_t record{};
    record.payload = at;
    record.len = static_cast<std::size_t>(newline - at);
    record._private = &block;
    records.push_back(record);
    at = newline == end ? end : newline + 1;
  }
  block.open_records = records.size();
  return static_cast<std::size_t>(at - begin);
}

// The blocks in hand, in the order in which they are filled.
class Hand {
 public:
  Hand(const Options& options, Producer& producer) : producer_(producer), blocks_(options.blocks_in_hand) {
    for (Block& block : blocks_) block.bytes = std::make_unique<char[]>(options.block_bytes);
  }

  Block& next() {
    Block& block = blocks_[turn_++ % blocks_.size()];
    while (block.open_records > 0) producer_.settle();
    return block;
  }

  void settle_all() {
    for (const Block& block : blocks_) {
      while (block.open_records > 0) producer_.settle();
    }
  }

 private:
  Producer& producer_;
  std::vector<Block> blocks_;
  std::size_t turn_ = 0;
};

std::vector<std::string> files_of(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

void ship(const Options& options, const std::string& file, std::int32_t partition, Hand& hand, Producer& producer,
          Totals& totals) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (fd < 0 || ::fstat(fd, &status) != 0) fail(file + ": " + std::strerror(errno));
  std::vector<rd_kafka_message_t> records;
  for (off_t at = 0; at < status.st_size;) {
    Block& block = hand.next();
    const ssize_t got = ::pread(fd, block.bytes.get(), options.block_bytes, at);
    if (got <= 0) fail(file + ": cannot be read");
    const std::size_t taken = split(block, static_cast<std::size_t>(got), at + got >= status.st_size, records);
    if (taken == 0) fail("a line is longer than a block");
    producer.produce(records, partition);
    totals.lines += records.size();
    totals.bytes += taken;
    at += static_cast<off_t>(taken);
  }
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Producer producer(options);
  const auto begin = std::chrono::steady_clock::now();
  Hand hand(options, producer);
  Totals totals;
  std::int32_t partition = 0;
  for (const std::string& file : files_of(options.file)) {
    ship(options, file, partition, hand, producer, totals);
    partition = (partition + 1) % options.partitions;
  }
  hand.settle_all();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
  std::printf("{\"lines\": %llu, \"bytes\": %llu, \"seconds\": %.3f, \"cpu_seconds\": %.3f, \"rss_kib\": %ld}\n",
              static_cast<unsigned long long>(totals.lines), static_cast<unsigned long long>(totals.bytes),
              took.count(), cpu, used.ru_maxrss);
  std::fflush(stdout);
  std::_Exit(0);  // everything is acknowledged: librdkafka's threads need not be waited for
}
