#include "tests/e2e/harness/kafka_program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "tests/e2e/harness/child_process.h"
#include "tests/e2e/harness/text_file.h"

#ifndef TAILRACE_KAFKA_FETCH
#error "TAILRACE_KAFKA_FETCH names tests/kafka/fetch.sh"
#endif

namespace tailrace::e2e {
namespace {

constexpr std::uint16_t kPortMin = 20'000;
constexpr std::uint16_t kPortMax = 32'000;

std::string java() {
  const char* home = std::getenv("JAVA_HOME");
  if (home != nullptr && std::filesystem::exists(std::string(home) + "/bin/java"))
    return std::string(home) + "/bin/java";
  for (const char* path : {"/usr/bin/java", "/usr/local/bin/java"}) {
    if (std::filesystem::exists(path)) return path;
  }
  give_up_kafka("no java; set JAVA_HOME");
}

bool is_free(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool is_bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return is_bound;
}

}  // namespace

void give_up_kafka(const std::string& what) {
  std::fprintf(stderr, "the Kafka broker of the tests: %s\n", what.c_str());
  std::abort();
}

std::string kafka_class_path() {
  static const std::string path = [] {
    std::FILE* pipe = ::popen(TAILRACE_KAFKA_FETCH, "r");  // says on stderr what went wrong
    if (pipe == nullptr) give_up_kafka("fetch.sh cannot be started");
    std::string folder;
    for (int c = std::fgetc(pipe); c != EOF && c != '\n'; c = std::fgetc(pipe)) folder += static_cast<char>(c);
    if (::pclose(pipe) != 0 || folder.empty()) give_up_kafka("fetch.sh failed");
    return folder + "/*";
  }();
  return path;
}

// The client compiler alone starts a third faster and takes a third less CPU until the broker is up, and is no slower
// for what a broker does with batches that it does not look into.
std::vector<std::string> java_command(const std::string& class_path, const std::string& main_class, int heap_mib) {
  return {java(),
          "-Xmx" + std::to_string(heap_mib) + "m",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
          "-cp",
          class_path,
          main_class};
}

std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  static std::set<std::uint16_t> given;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint16_t port = std::uniform_int_distribution<std::uint16_t>(kPortMin, kPortMax)(random);
    if (is_free(port) && given.insert(port).second) return port;
  }
  give_up_kafka("no free port");
}

void format_storage(const std::string& class_path, const std::string& folder) {
  ChildOptions options;
  options.argv = java_command(class_path, "kafka.tools.StorageTool");
  for (const char* argument : {"format", "--cluster-id", "dGFpbHJhY2UtZTJlLTAwMA", "--config"}) {
    options.argv.emplace_back(argument);
  }
  options.argv.push_back(folder + "/server.properties");
  options.stdout_path = options.stderr_path = folder + "/format.log";
  ChildProcess tool(options);
  if (tool.wait_exit(std::chrono::seconds(300)) != ExitStatus{.code = 0})
    give_up_kafka("its storage cannot be formatted:\n" + read_text_file(folder + "/format.log"));
}

}  // namespace tailrace::e2e
