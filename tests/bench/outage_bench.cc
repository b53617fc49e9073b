// outage_bench BINARY CASE...: what an outage costs and what becomes of the lines, a JSON object a case on stdout.
//
//   CASE is KIND,SECONDS,PARTITIONS,IDEMPOTENCE     as in frozen,35,12,true
//
//   frozen     one broker under SIGSTOP                stalled    one broker behind a proxy that forwards nothing
//   first      frozen while nothing is to be shipped; the first line comes meanwhile
//   stop       frozen, SIGTERM meanwhile, the next start after it
//   one-frozen one of three under SIGSTOP              moved      leaders of three move every 3 s
//   killed     kill -9 of each of three in turn        two-away   two of three killed, and back after SECONDS
//
// 20 MB/s go into one broker, 4 MB/s into three. CPU is the process's, of one-frozen that broker's thread's, in percent
// of a core from 2 s after the beginning of the outage to its end. Run it alone on the machine.
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/e2e/harness/broker.h"
#include "tests/e2e/harness/cluster.h"
#include "tests/e2e/harness/stream.h"
#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr seconds kSoon{300};
constexpr seconds kSettle{2};
constexpr int kFrozen = 1;  // of three

struct Case {
  std::string kind;
  int seconds = 0;
  int partitions = 1;
  std::string idempotence;
};

Case case_of(const std::string& text) {
  std::istringstream in(text);
  Case made;
  std::string number;
  std::getline(in, made.kind, ',');
  std::getline(in, number, ',');
  made.seconds = std::stoi(number);
  std::getline(in, number, ',');
  made.partitions = std::stoi(number);
  std::getline(in, made.idempotence, ',');
  return made;
}

// By schedstat, in seconds, of the threads whose name begins with `name`.
double cpu_seconds(pid_t pid, const std::string& name) {
  double sum = 0;
  std::error_code error;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::string comm;
    std::ifstream(task.path() / "comm") >> comm;
    double ns = 0;
    if (comm.starts_with(name)) std::ifstream(task.path() / "schedstat") >> ns;
    sum += ns / 1e9;
  }
  return sum;
}

double since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "outage_bench: %s\n", what);
  std::exit(1);
}

class Outage {
 public:
  Outage(const Case& wanted, const std::string& binary) : case_(wanted), binary_(binary) {}

  nlohmann::json run() {
    const bool is_of_three =
        case_.kind == "one-frozen" || case_.kind == "moved" || case_.kind == "killed" || case_.kind == "two-away";
    is_of_three ? start_three() : start_one();
    if (case_.kind == "stop") {
      stop();
    } else {
      is_of_three ? suffer_three() : suffer_one();
    }
    finish();
    return result_;
  }

 private:
  static Broker& one() { return Broker::shared(); }
  static Cluster& three() {
    static Cluster cluster;
    return cluster;
  }
  static std::string fresh_topic() {
    static int number = 0;
    return "outage-" + std::to_string(number++);
  }

  void start(StreamOptions options) {
    options.topic = topic_;
    options.partitions = case_.partitions;
    options.files = case_.partitions;
    options.sink_lines = "idempotence = " + case_.idempotence;
    stream_ = std::make_unique<Stream>(options);
    stream_->agent().use_binary(binary_);
    if (!stream_->agent().start_ready()) give_up("the agent does not start");
    if (case_.kind == "first") {
      stream_->write_lines(1);
      if (!stream_->wait_shipped(kSoon)) give_up("nothing is shipped");
      return;
    }
    stream_->write();
    if (!stream_->wait_more_acked(options.bytes_per_second, kSoon)) give_up("nothing is shipped");
  }

  void start_one() {
    one().create_topic(topic_, {.partitions = case_.partitions, .replicas = 1, .config = {}});
    reader_ = one().bootstrap();
    StreamOptions options;
    options.brokers = case_.kind == "stalled" ? one().proxied_bootstrap() : one().bootstrap();
    if (case_.kind == "stop") options.agent_lines = "shutdown_timeout = \"2s\"";
    start(options);
  }

  void start_three() {
    three().create_topic(topic_, case_.partitions);
    reader_ = three().bootstrap();
    StreamOptions options;
    options.brokers = three().bootstrap();
    options.bytes_per_second = 4'000'000;
    start(options);
  }

  // So long, with the CPU of it. The agent is not asked for anything meanwhile.
  void sit_out(const std::string& thread) {
    const pid_t pid = stream_->agent().pid();
    const auto begin = Clock::now();
    if (case_.kind == "first") stream_->write_lines(1);
    pause(std::min<milliseconds>(kSettle, seconds(case_.seconds)));
    const double cpu_then = cpu_seconds(pid, thread);
    const auto then = Clock::now();
    pause(std::max(milliseconds(0), seconds(case_.seconds) - std::chrono::floor<milliseconds>(Clock::now() - begin)));
    result_["cpu_percent"] = 100 * (cpu_seconds(pid, thread) - cpu_then) / std::max(since(then), 0.001);
    acked_ = stream_->agent().metric("tailrace_acked_bytes_total").value_or(0);
  }

  void await_first_ack(Clock::time_point end) {
    const bool came =
        wait_until([&] { return stream_->agent().metric("tailrace_acked_bytes_total").value_or(0) > acked_; }, kSoon,
                   milliseconds(2));
    result_["first_ack_seconds"] = came ? since(end) : -1.0;
  }

  void suffer_one() {
    case_.kind == "stalled" ? one().proxy().stall() : one().freeze();
    sit_out("");
    const auto end = Clock::now();
    case_.kind == "stalled" ? one().proxy().let_go() : one().thaw();
    await_first_ack(end);
  }

  void suffer_three() {
    const auto end = Clock::now() + seconds(case_.seconds);
    if (case_.kind == "one-frozen") {
      three().broker(kFrozen).freeze();
      sit_out("rdk:broker" + std::to_string(kFrozen + 1));
      three().broker(kFrozen).thaw();
    } else if (case_.kind == "moved") {
      for (int turn = 1; Clock::now() < end; ++turn) {
        three().move_leaders(topic_, case_.partitions, turn);
        pause(seconds(3));
      }
    } else if (case_.kind == "killed") {
      for (int i = 0; i < Cluster::kBrokers; ++i) kill_and_start({i}, seconds(case_.seconds) / Cluster::kBrokers);
    } else {
      kill_and_start({0, 1}, seconds(case_.seconds));
    }
    acked_ = stream_->agent().metric("tailrace_acked_bytes_total").value_or(0);
    await_first_ack(Clock::now());
  }

  static void kill_and_start(const std::vector<int>& brokers, milliseconds away) {
    for (const int i : brokers) three().broker(i).kill9();
    pause(away);
    for (const int i : brokers) three().broker(i).launch();
    for (const int i : brokers) {
      if (!three().broker(i).await()) give_up("a broker does not start again");
    }
  }

  void stop() {
    one().freeze();
    pause(seconds(case_.seconds));
    result_["inflight_records"] = stream_->agent().metric("tailrace_inflight_records").value_or(-1);
    stream_->agent().terminate();
    one().thaw();
    if (!stream_->agent().start_ready()) give_up("the agent does not start again");
  }

  void finish() {
    stream_->stop_writing();
    const bool is_shipped =
        case_.kind == "stop" ? stream_->agent().wait_shipped(0, kSoon) : stream_->wait_shipped(kSoon);
    result_["is_shipped"] = is_shipped;
    const auto last = stream_->agent().metrics();
    for (const char* name : {"rebuilt_producers", "rewound_bytes", "lost_bytes"})
      result_[name] = last ? last->sum("tailrace_" + std::string(name) + "_total") : -1;
    stream_->agent().terminate();
    const StreamReport report = stream_->read_back(reader_);
    result_["lines"] = report.lines;
    result_["lost"] = report.lost_lines;
    result_["doubled"] = report.doubled_lines;
    result_["reordered"] = report.reordered_lines;
    result_["damaged"] = report.damaged_lines;
    stream_.reset();
    reader_ == one_reader() ? one().delete_topic(topic_) : three().broker(0).delete_topic(topic_);
  }
  std::string one_reader() const { return reader_.find(',') == std::string::npos ? reader_ : std::string(); }

  Case case_;
  std::string binary_;
  std::string topic_ = fresh_topic();
  std::string reader_;
  std::unique_ptr<Stream> stream_;
  double acked_ = 0;
  nlohmann::json result_ = nlohmann::json::object();
};

}  // namespace
}  // namespace tailrace::e2e

int main(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    tailrace::e2e::Outage outage(tailrace::e2e::case_of(argv[i]), argv[1]);
    nlohmann::json result = outage.run();
    result["case"] = argv[i];
    std::printf("%s\n", result.dump().c_str());
    std::fflush(stdout);
  }
  tailrace::e2e::Broker::stop_shared();
}
