#include "tests/e2e/harness/broker.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/e2e/harness/kafka_admin.h"
#include "tests/e2e/harness/kafka_program.h"
#include "tests/e2e/harness/text_file.h"
#include "tests/e2e/harness/wait.h"

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

}  // namespace

Broker& Broker::shared() {
  if (!shared_broker()) shared_broker() = std::make_unique<Broker>();
  return *shared_broker();
}

void Broker::stop_shared() { shared_broker().reset(); }

Broker::Broker(BrokerOptions options) : options_(std::move(options)), dir_("broker"), class_path_(kafka_class_path()) {
  choose_ports();
  if (!options_.voters.empty()) {  // one of many, all of which start at once
    format();
    launch();
    return;
  }
  for (int attempt = 0; attempt < 5; ++attempt) {
    format();
    if (start()) return;
    choose_ports();
  }
  give_up_kafka("does not start:\n" + read_text_file(dir_ / "broker.log"));
}

Broker::~Broker() {
  if (process_) process_->kill9();
}

void Broker::choose_ports() {
  port_ = free_port();
  proxied_port_ = free_port();
  controller_port_ = free_port();
  sasl_port_ = free_port();
  bootstrap_ = "127.0.0.1:" + std::to_string(port_);
  proxy_.forward_to(proxied_port_);
}

void Broker::write_properties() {
  const bool is_alone = options_.voters.empty();
  const std::string controller = "127.0.0.1:" + std::to_string(controller_port_);
  const std::string sasl = options_.password.empty() ? "" : ",SASL://" + sasl_bootstrap();
  std::ofstream out(dir_ / "server.properties");
  out << "process.roles=" << (is_alone ? "broker,controller" : "broker") << "\nnode.id=" << options_.id << "\n"
      << "controller.quorum.voters=" << (is_alone ? "1@" + controller : options_.voters) << "\n"
      << "listeners=PLAINTEXT://" << bootstrap_ << ",PROXIED://127.0.0.1:" << proxied_port_
      << (is_alone ? ",CONTROLLER://" + controller : "") << sasl << "\n"
      << "advertised.listeners=PLAINTEXT://" << bootstrap_ << ",PROXIED://" << proxied_bootstrap() << sasl << "\n"
      << "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,"
      << "SASL:SASL_PLAINTEXT\n"
      << "inter.broker.listener.name=PLAINTEXT\n"
      << "controller.listener.names=CONTROLLER\nlog.dirs=" << (dir_ / "data") << "\n"
      << "auto.leader.rebalance.enable=false\n"
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
  if (options_.password.empty()) return;
  out << "sasl.enabled.mechanisms=PLAIN\n"
      << "listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
         "user_app=\""
      << options_.password << "\";\n";
}

void Broker::format() {
  std::filesystem::remove_all(dir_ / "data");
  write_properties();
  format_storage(class_path_, dir_.path().string());
}

void Broker::change_password(const std::string& password) {
  options_.password = password;
  write_properties();
  restart();
}

void Broker::launch() {
  ChildOptions options;
  options.argv = java_command(class_path_, "kafka.Kafka");
  options.argv.push_back(dir_ / "server.properties");
  options.stdout_path = options.stderr_path = dir_ / "broker.log";
  process_ = std::make_unique<ChildProcess>(options);
}

bool Broker::await() {
  const auto begin = std::chrono::steady_clock::now();
  const bool answers = wait_until(
      [this] { return !process_->is_running() || KafkaAdmin(bootstrap_).answers(std::chrono::milliseconds(500)); },
      seconds(180), std::chrono::milliseconds(20));
  if (!answers) give_up_kafka("does not answer:\n" + read_text_file(dir_ / "broker.log"));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf("  the broker started in %.1f s\n", taken.count());
  return process_->is_running();
}

bool Broker::start() {
  launch();
  return await();
}

void Broker::create_topic(const std::string& name, const TopicOptions& options) {
  KafkaAdmin(bootstrap_).create_topic(name, options.partitions, options.replicas, options.config);
}

void Broker::delete_topic(const std::string& name) { KafkaAdmin(bootstrap_).delete_topic(name); }

void Broker::freeze() { process_->signal(SIGSTOP); }
void Broker::thaw() { process_->signal(SIGCONT); }
void Broker::kill9() { process_->kill9(); }

void Broker::restart() {
  kill9();  // should it still run
  if (!start()) give_up_kafka("does not start again:\n" + read_text_file(dir_ / "broker.log"));
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
