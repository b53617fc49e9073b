#include "tests/e2e/harness/broker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/e2e/harness/kafka_admin.h"
#include "tests/e2e/harness/text_file.h"
#include "tests/e2e/harness/wait.h"

#ifndef TAILRACE_KAFKA_FETCH
#error "TAILRACE_KAFKA_FETCH names tests/kafka/fetch.sh"
#endif

namespace tailrace::e2e {
namespace {

using std::chrono::seconds;

std::unique_ptr<Broker>& shared_broker() {
  static std::unique_ptr<Broker> broker;
  return broker;
}

class StopBroker final : public ::testing::Environment {
  void TearDown() override { Broker::stop_shared(); }
};

const auto* const kEnvironment = ::testing::AddGlobalTestEnvironment(new StopBroker);

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "the Kafka broker of the tests: %s\n", what.c_str());
  std::abort();
}

// Where fetch.sh put the jars. It says on stderr what went wrong.
std::string fetched_jars() {
  std::FILE* pipe = ::popen(TAILRACE_KAFKA_FETCH, "r");
  if (pipe == nullptr) give_up("fetch.sh cannot be started");
  std::string folder;
  for (int c = std::fgetc(pipe); c != EOF && c != '\n'; c = std::fgetc(pipe)) folder += static_cast<char>(c);
  if (::pclose(pipe) != 0 || folder.empty()) give_up("fetch.sh failed");
  return folder + "/*";
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    give_up("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

std::string java() {
  const char* home = std::getenv("JAVA_HOME");
  if (home != nullptr && std::filesystem::exists(std::string(home) + "/bin/java"))
    return std::string(home) + "/bin/java";
  for (const char* path : {"/usr/bin/java", "/usr/local/bin/java"}) {
    if (std::filesystem::exists(path)) return path;
  }
  give_up("no java; set JAVA_HOME");
}

// The client compiler alone starts a third faster and takes a third less CPU until the broker is up, and is no slower
// for what a broker does with batches that it does not look into.
std::vector<std::string> java_command(const std::string& class_path, const std::string& main_class) {
  return {java(),
          "-Xmx512m",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
          "-cp",
          class_path,
          main_class};
}

}  // namespace

Broker& Broker::shared() {
  if (!shared_broker()) shared_broker() = std::make_unique<Broker>();
  return *shared_broker();
}

void Broker::stop_shared() { shared_broker().reset(); }

Broker::Broker() : dir_("broker"), class_path_(fetched_jars()) {
  for (int attempt = 0; attempt < 5; ++attempt) {
    choose_ports();
    format();
    if (start()) return;
  }
  give_up("does not start:\n" + read_text_file(dir_ / "broker.log"));
}

Broker::~Broker() {
  if (process_) process_->kill9();
}

void Broker::choose_ports() {
  port_ = free_port();
  do {
    controller_port_ = free_port();
  } while (controller_port_ == port_);
  bootstrap_ = "127.0.0.1:" + std::to_string(port_);
}

void Broker::format() {
  const std::string data = dir_ / "data";
  std::filesystem::remove_all(data);
  const std::string controller = "127.0.0.1:" + std::to_string(controller_port_);
  std::ofstream(dir_ / "server.properties")
      << "process.roles=broker,controller\nnode.id=1\n"
      << "controller.quorum.voters=1@" << controller << "\n"
      << "listeners=PLAINTEXT://" << bootstrap_ << ",CONTROLLER://" << controller << "\n"
      << "advertised.listeners=PLAINTEXT://" << bootstrap_ << "\n"
      << "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
      << "controller.listener.names=CONTROLLER\nlog.dirs=" << data << "\n"
      << "auto.create.topics.enable=false\n"
      << "offsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n"
      << "transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n"
      << "transaction.state.log.num.partitions=1\n"
      << "share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n"
      << "group.initial.rebalance.delay.ms=0\nlog.segment.delete.delay.ms=1000\n"
      // A broker that was killed is let back in only when the session of its former life has run out.
      << "broker.session.timeout.ms=2000\nbroker.heartbeat.interval.ms=500\n"
      // After a kill -9 the open segments are read again before it answers.
      << "log.segment.bytes=67108864\nnum.recovery.threads.per.data.dir=2\n"
      << "num.network.threads=2\nnum.io.threads=2\n";
  ChildOptions options;
  options.argv = java_command(class_path_, "kafka.tools.StorageTool");
  for (const char* argument : {"format", "--cluster-id", "dGFpbHJhY2UtZTJlLTAwMA", "--config"}) {
    options.argv.emplace_back(argument);
  }
  options.argv.push_back(dir_ / "server.properties");
  options.stdout_path = options.stderr_path = dir_ / "format.log";
  ChildProcess tool(options);
  if (tool.wait_exit(seconds(120)) != ExitStatus{.code = 0}) {
    give_up("its storage cannot be formatted:\n" + read_text_file(dir_ / "format.log"));
  }
}

bool Broker::start() {
  const auto begin = std::chrono::steady_clock::now();
  ChildOptions options;
  options.argv = java_command(class_path_, "kafka.Kafka");
  options.argv.push_back(dir_ / "server.properties");
  options.stdout_path = options.stderr_path = dir_ / "broker.log";
  process_ = std::make_unique<ChildProcess>(options);
  const bool answers = wait_until(
      [this] { return !process_->is_running() || KafkaAdmin(bootstrap_).answers(std::chrono::milliseconds(500)); },
      seconds(180), std::chrono::milliseconds(20));
  if (!answers) give_up("does not answer:\n" + read_text_file(dir_ / "broker.log"));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf("  the broker started in %.1f s\n", taken.count());
  return process_->is_running();
}

void Broker::create_topic(const std::string& name, const TopicOptions& options) {
  KafkaAdmin(bootstrap_).create_topic(name, options.partitions, options.config);
}

void Broker::delete_topic(const std::string& name) { KafkaAdmin(bootstrap_).delete_topic(name); }

void Broker::freeze() { process_->signal(SIGSTOP); }
void Broker::thaw() { process_->signal(SIGCONT); }
void Broker::kill9() { process_->kill9(); }

void Broker::restart() {
  kill9();  // should it still run
  if (!start()) give_up("does not start again:\n" + read_text_file(dir_ / "broker.log"));
}

void Broker::stop() {
  process_->signal(SIGTERM);
  if (!process_->wait_exit(seconds(60))) process_->kill9();
}

Topic::Topic(Broker& broker, const std::string& name, const TopicOptions& options)
    : broker_(broker), name_(name), partitions_(options.partitions) {
  broker_.create_topic(name_, options);
}

Topic::~Topic() { broker_.delete_topic(name_); }

}  // namespace tailrace::e2e
