#include "tests/e2e/harness/cluster.h"

#include <chrono>
#include <fstream>

#include "tests/e2e/harness/kafka_admin.h"
#include "tests/e2e/harness/kafka_call.h"
#include "tests/e2e/harness/kafka_program.h"
#include "tests/e2e/harness/wait.h"

namespace tailrace::e2e {
namespace {

constexpr int kControllerId = 100;
constexpr int kControllerHeapMib = 128;

}  // namespace

Cluster::Cluster() : class_path_(kafka_class_path()) {
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  const std::string voters = std::to_string(kControllerId) + "@" + address;
  std::ofstream(dir_ / "server.properties")
      << "process.roles=controller\nnode.id=" << kControllerId << "\ncontroller.quorum.voters=" << voters
      << "\nlisteners=CONTROLLER://" << address << "\ncontroller.listener.names=CONTROLLER\n"
      << "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs=" << dir_ / "data" << "\n"
      << "broker.session.timeout.ms=2000\nauto.leader.rebalance.enable=false\n";
  format_storage(class_path_, dir_.path().string());
  ChildOptions options;
  options.argv = java_command(class_path_, "kafka.Kafka", kControllerHeapMib);
  options.argv.push_back(dir_ / "server.properties");
  options.stdout_path = options.stderr_path = dir_ / "controller.log";
  controller_ = std::make_unique<ChildProcess>(options);
  for (int id = 1; id <= kBrokers; ++id)
    brokers_.push_back(std::make_unique<Broker>(BrokerOptions{.id = id, .voters = voters}));
  for (const auto& broker : brokers_) {
    if (!broker->await()) give_up_kafka("one of three ended by itself");
  }
}

std::string Cluster::bootstrap() const {
  std::string all;
  for (const auto& broker : brokers_) all += (all.empty() ? "" : ",") + broker->bootstrap();
  return all;
}

void Cluster::create_topic(const std::string& name, int partitions) {
  KafkaAdmin(bootstrap()).create_topic(name, partitions, kBrokers, {{"min.insync.replicas", "2"}});
}

bool Cluster::move_leaders(const std::string& topic, int partitions, int turn, int by) {
  std::vector<int> wanted;
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    std::vector<std::int32_t> replicas;
    for (int i = 0; i < kBrokers; ++i) replicas.push_back((partition + turn + i) % kBrokers + 1);
    wanted.push_back(replicas.front());
    if (!move_leader(broker(by).port(), topic, partition, replicas)) return false;
  }
  KafkaAdmin admin(bootstrap());
  return wait_until([&] { return admin.leaders(topic) == wanted; }, std::chrono::seconds(30));
}

}  // namespace tailrace::e2e
