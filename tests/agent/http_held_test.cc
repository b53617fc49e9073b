// HttpServer against clients that hold connections: who asks for the first time is served all the same.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/http_client.h"
#include "agent/http_connections.h"
#include "agent/http_server.h"
#include "fake_snapshot_source.h"
#include "sample_snapshot.h"
#include "tests/sanitized.h"

namespace tailrace {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr Duration kPatience = std::chrono::seconds(20);  // a bound: who is not served at all waits for it

class Held : public testing::Test {
 protected:
  void SetUp() override {
    source_.set(sample_snapshot());
    Result<std::unique_ptr<HttpServer>> started = HttpServer::start("127.0.0.1:0", source_, {{"1.2.3", "2.0.2"}, ""});
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
    const std::string& address = server_->address();
    at_.sin_family = AF_INET;
    at_.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  // Connected, and `request` sent.
  UniqueFd hold(const std::string& request) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    connect_and_send(fd.get(), request);
    return fd;
  }
  void connect_and_send(int fd, const std::string& request) {
    const int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const timeval bound{60, 0};  // of connect(2) too
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&at_), sizeof at_), 0) << strerror(errno);
    static_cast<void>(!send(fd, request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  }
  // All that comes until the server closes, or is silent for as long as nobody waits.
  static std::string rest_of(int fd) {
    const timeval bound{60, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    std::string text;
    char part[65536];
    for (ssize_t got; (got = recv(fd, part, sizeof part, 0)) > 0;) text.append(part, static_cast<std::size_t>(got));
    return text;
  }
  int probe(const std::string& path = "/healthz") {
    const Result<HttpAnswer> answer = http_get(*HttpTarget::parse(server_->address()), path, "", kPatience);
    return answer ? answer->status : -1;
  }
  // So many wait for an answer of the loop.
  bool is_asked(std::size_t askers) {
    for (int ms = 0; source_.waiting() < askers && ms < 60'000; ++ms) poll(nullptr, 0, 1);
    return source_.waiting() >= askers;
  }
  static std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0;
    statm >> pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  }

  FakeSnapshotSource source_;
  std::unique_ptr<HttpServer> server_;
  sockaddr_in at_{};
};

// As many descriptors as the hard limit has; back to what it was at the end.
class OpenFilesLimit {
 public:
  OpenFilesLimit() {
    getrlimit(RLIMIT_NOFILE, &before_);
    set(before_.rlim_max);
  }
  ~OpenFilesLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  rlim_t hard() const { return before_.rlim_max; }
  void set(rlim_t soft) const {
    const rlimit limit{soft, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }

 private:
  rlimit before_{};
};

TEST_F(Held, TenThousandConnectionsKeepNoProbeOut) {
  const OpenFilesLimit limit;
  constexpr std::size_t kConnections = 10'000;
  if (limit.hard() < kConnections + 500) GTEST_SKIP() << "RLIMIT_NOFILE's hard limit is " << limit.hard();
  const std::vector<std::string> requests = {"", "GET /healthz HTTP/1.1\r\nHost: x\r\n",
                                             "GET /status.json HTTP/1.1\r\nHost: x\r\n\r\n", "GET /",
                                             "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"};
  std::vector<UniqueFd> held;
  // A machine whose kernel loses SYNs (a full table of connections) takes a second or more for each.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  for (std::size_t i = 0; i < kConnections && std::chrono::steady_clock::now() < until; ++i) {
    held.push_back(hold(requests[i % requests.size()]));
    if (i % 500 != 499) continue;
    ASSERT_EQ(probe(), 200) << "over " << held.size();
  }
  if (held.size() < kConnections) std::cout << "no more than " << held.size() << " connections in two minutes\n";
  for (int round = 0; round < 3; ++round) {
    for (const UniqueFd& one : held) static_cast<void>(!send(one.get(), "X: y\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT));
    EXPECT_EQ(probe(), 200);
    EXPECT_EQ(probe("/metrics"), 200);
  }
}

// Who came first goes first, who is at work stays.
TEST_F(Held, TheOldestWithoutAWholeRequestMakesRoom) {
  const UniqueFd oldest = hold("GET /healthz HTTP/1.1\r\n");
  std::vector<UniqueFd> held;
  for (std::size_t i = 1; i < kHttpClientsMax; ++i) held.push_back(hold("GET /healthz HTTP/1.1\r\n"));
  pollfd closed{oldest.get(), POLLIN, 0};
  EXPECT_EQ(poll(&closed, 1, 200), 0) << "there was room";
  EXPECT_EQ(probe(), 200);
  EXPECT_EQ(rest_of(oldest.get()), "");
  const std::string end = "Host: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(send(held.back().get(), end.data(), end.size(), MSG_NOSIGNAL), static_cast<ssize_t>(end.size()));
  EXPECT_THAT(rest_of(held.back().get()), StartsWith("HTTP/1.1 200 "));
}

// They are answered when it turns again; others need not wait for it.
TEST_F(Held, ALoopThatHangsLeavesRoomForOthers) {
  source_.set_silent(true);
  std::vector<UniqueFd> held;
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  for (int i = 0; i < 32; ++i) held.push_back(hold(request));
  ASSERT_TRUE(is_asked(32));
  EXPECT_THAT(rest_of(hold(request).get()), StartsWith("HTTP/1.1 503 "));
  for (std::size_t i = 0; i < 3 * kHttpClientsMax; ++i) held.push_back(hold("GET /"));
  EXPECT_EQ(probe("/"), 200);
  source_.set_silent(false);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_THAT(rest_of(held[i].get()), StartsWith("HTTP/1.1 200 ")) << i;
}

Snapshot with_many_files(std::size_t files, std::map<SourceId, LaggingFile>& details) {
  Snapshot snapshot = sample_snapshot();
  snapshot.tailers.push_back(snapshot.tailers[0]);
  for (std::size_t i = 0; i < files; ++i) {
    const SourceId id{1, i};
    snapshot.tailers[i % 2].sources_lagging.push_back(id);
    details[id] = {.path = "/var/log/a/file/with/a/name/of/usual/length/" + std::to_string(i) + ".log",
                   .inode = i,
                   .size = 1,
                   .state = "reading",
                   .reason = ""};
  }
  return snapshot;
}

TEST_F(Held, AllFilesAreStreamedToTwoAtATime) {
  std::map<SourceId, LaggingFile> details;
  source_.set(with_many_files(20'000, details));
  source_.set_files(details);
  const std::string request = "GET /status.json?files=all HTTP/1.0\r\n\r\n";
  const UniqueFd one = hold(request), two = hold(request);
  for (const UniqueFd* fd : {&one, &two}) {
    char first = 0;
    ASSERT_EQ(recv(fd->get(), &first, 1, MSG_PEEK), 1);
    EXPECT_EQ(first, 'H');
  }
  EXPECT_THAT(rest_of(hold(request).get()), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(probe("/status.json"), 200);
  // Both at once: who takes nothing for 10 s is closed.
  std::future<std::string> other = std::async(std::launch::async, rest_of, two.get());
  const std::string answers[] = {rest_of(one.get()), other.get()};
  for (const std::string& answer : answers) {
    const nlohmann::json status = nlohmann::json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
    for (std::size_t i = 0; i < 20'000; ++i)
      ASSERT_EQ(status["tailers"][i % 2]["files_lagging"][i / 2]["inode"], i) << answer.size();
    EXPECT_EQ(status["checkpoint"]["fsync"], "async");
  }
  EXPECT_LE(source_.files_most_at_once(), 256u);
  EXPECT_THAT(rest_of(hold(request).get()), StartsWith("HTTP/1.1 200 "));
}

// Those that go meanwhile are left out.
TEST_F(Held, AllFilesOfWhichManyAreGoneAreStillJson) {
  std::map<SourceId, LaggingFile> details;
  source_.set(with_many_files(3'000, details));
  std::erase_if(details, [](const auto& one) { return one.first.low < 1'000 || one.first.low % 7 != 0; });
  source_.set_files(details);
  const Result<HttpAnswer> answer =
      http_get(*HttpTarget::parse(server_->address()), "/status.json?files=all", "", kPatience);
  ASSERT_TRUE(answer) << answer.error().text();
  const nlohmann::json status = nlohmann::json::parse(answer->body);
  EXPECT_EQ(status["tailers"][0]["files_lagging"].size() + status["tailers"][1]["files_lagging"].size(),
            details.size());
}

TEST_F(Held, WhatNobodyReadsIsBoundedTogether) {
  Snapshot snapshot = sample_snapshot();
  snapshot.tailers.resize(100, snapshot.tailers[0]);
  for (TailerSnapshot& tailer : snapshot.tailers) {
    tailer.files_lagging.assign(100, tailer.files_lagging[0]);
    for (LaggingFile& file : tailer.files_lagging) file.path = "/" + std::string(100, 'p');
  }
  source_.set(std::move(snapshot));
  ASSERT_EQ(probe("/status.json"), 200);
  const std::size_t before = resident_bytes();
  std::vector<UniqueFd> held;
  for (int i = 0; i < (kIsSanitized ? 5 : 60); ++i) {
    held.push_back(hold("GET /status.json HTTP/1.1\r\nHost: x\r\n\r\n"));
    ASSERT_EQ(probe(), 200);
  }
  if (!kIsSanitized) {
    EXPECT_LT(resident_bytes(), before + 16 * 1024 * 1024);
  }
}

// Descriptors that are open in this process.
rlim_t descriptors() {
  rlim_t count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

TEST_F(Held, WithNoDescriptorLeftAProbeIsAnsweredAndNothingSpins) {
  const OpenFilesLimit limit;
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto is_answered = [](const UniqueFd& client, int patience_ms) {
    pollfd answered{client.get(), POLLIN, 0};
    return poll(&answered, 1, patience_ms) == 1;
  };
  const rlim_t without_clients = descriptors();
  ASSERT_EQ(probe(), 200);
  for (int ms = 0; descriptors() > without_clients && ms < 60'000; ++ms) poll(nullptr, 0, 1);
  // A descriptor of every number below the limit is taken.
  limit.set(descriptors() + 1);
  std::vector<UniqueFd> fill;
  for (UniqueFd one(dup(STDIN_FILENO)); one; one = UniqueFd(dup(STDIN_FILENO))) fill.push_back(std::move(one));
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  connect_and_send(clients[0].get(), request);
  EXPECT_TRUE(is_answered(clients[0], 60'000)) << "with the spare one";
  connect_and_send(clients[1].get(), request);
  EXPECT_TRUE(is_answered(clients[1], 60'000)) << "with that of the idle client";
  // The loop hangs, and the only descriptor waits for it.
  source_.set_silent(true);
  connect_and_send(clients[2].get(), request);
  ASSERT_TRUE(is_asked(1));
  connect_and_send(clients[3].get(), request);
  const double before = cpu_seconds();
  EXPECT_FALSE(is_answered(clients[3], 1000)) << "with which descriptor?";
  EXPECT_LT(cpu_seconds() - before, 0.5);
  source_.set_silent(false);
  EXPECT_TRUE(is_answered(clients[2], 60'000));
  EXPECT_TRUE(is_answered(clients[3], 60'000));
}

}  // namespace
}  // namespace tailrace
