// Broker: one real Apache Kafka (KRaft, broker and controller in one) on free ports of 127.0.0.1.
//
// Its jars come from tests/kafka/fetch.sh, at the first use on a machine. Data and log lie in a TempDir. Starting takes
// three seconds, so the tests of a binary share one. Every failure to start aborts with the broker's own words.
// Each has a second address, behind a StallingProxy; who is given that one goes through the proxy for everything.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/e2e/harness/child_process.h"
#include "tests/e2e/harness/stalling_proxy.h"
#include "tests/e2e/harness/temp_dir.h"

namespace tailrace::e2e {

struct TopicOptions {
  int partitions = 1;
  int replicas = 1;
  std::map<std::string, std::string> config;
};

struct BrokerOptions {
  int id = 1;
  // Where its controller is, "ID@HOST:PORT". Empty: in itself, and it answers when it is made; else it was launched
  // only.
  std::string voters = {};
  // Not empty: it has a third address, over which the user "app" logs in with it, by PLAIN.
  std::string password = {};
};

class Broker {
 public:
  // Started at the first call, stopped by BrokerEnvironment at the end of the program.
  static Broker& shared();
  static void stop_shared();

  explicit Broker(BrokerOptions options = {});  // formats, starts, and waits until it answers
  ~Broker();

  const std::string& bootstrap() const { return bootstrap_; }  // "127.0.0.1:PORT"
  std::string proxied_bootstrap() const { return "127.0.0.1:" + std::to_string(proxy_.port()); }
  StallingProxy& proxy() { return proxy_; }
  std::string sasl_bootstrap() const { return "127.0.0.1:" + std::to_string(sasl_port_); }
  std::uint16_t port() const { return port_; }
  // Returns once its partitions have a leader.
  void create_topic(const std::string& name, const TopicOptions& options = {});
  void delete_topic(const std::string& name);

  void freeze();  // SIGSTOP: connected and silent
  void thaw();
  void kill9();
  void restart();  // after kill9 or stop: same ports, same data; waits until it answers
  void stop();     // SIGTERM, then SIGKILL
  // Restarts it as well: whoever was connected logs in anew.
  void change_password(const std::string& password);
  // The two halves of a start.
  void launch();
  bool await();  // until it answers; false: it ended by itself (a port was taken)

 private:
  void choose_ports();
  void write_properties();
  void format();
  bool start();  // as await

  BrokerOptions options_;
  StallingProxy proxy_;
  TempDir dir_;
  std::string class_path_;
  std::string bootstrap_;
  std::uint16_t port_ = 0;
  std::uint16_t proxied_port_ = 0;
  std::uint16_t controller_port_ = 0;
  std::uint16_t sasl_port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

// A topic that is there as long as this is; its data is deleted at the end, since a run's topics are gigabytes.
class Topic {
 public:
  Topic(Broker& broker, const std::string& name, const TopicOptions& options = {});
  ~Topic();
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  const std::string& name() const { return name_; }
  int partitions() const { return partitions_; }

 private:
  Broker& broker_;
  std::string name_;
  int partitions_;
};

}  // namespace tailrace::e2e
