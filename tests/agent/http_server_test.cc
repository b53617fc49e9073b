#include "agent/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "agent/http_client.h"
#include "fake_snapshot_source.h"
#include "sample_snapshot.h"

namespace tailrace {
namespace {

constexpr Duration kPatience = std::chrono::minutes(1);

class Server : public testing::Test {
 protected:
  void SetUp() override { source_.set(sample_snapshot()); }

  void start(const std::string& listen = "127.0.0.1:0", const std::string& token = "") {
    Result<std::unique_ptr<HttpServer>> started = HttpServer::start(listen, source_, {{"1.2.3", "2.0.2"}, token});
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }
  HttpAnswer get(const std::string& path, const std::string& token = "") {
    const Result<HttpTarget> target = HttpTarget::parse(server_->address());
    EXPECT_TRUE(target);
    Result<HttpAnswer> answer = http_get(*target, path, token, kPatience);
    EXPECT_TRUE(answer) << answer.error().text();
    return answer ? *answer : HttpAnswer{};
  }
  // Sends `request` as it is and returns all that comes back until the server closes.
  std::string raw(const std::string& request) {
    const std::string address = server_->address();
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
    const timeval bound{60, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) return "no connection";
    static_cast<void>(!send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL));
    shutdown(fd.get(), SHUT_WR);
    std::string text;
    char part[4096];
    for (ssize_t got; (got = recv(fd.get(), part, sizeof part, 0)) > 0;)
      text.append(part, static_cast<std::size_t>(got));
    return text;
  }

  FakeSnapshotSource source_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Server, PicksAPortAndServesOnIt) {
  start();
  EXPECT_EQ(server_->address().rfind("127.0.0.1:", 0), 0u) << server_->address();
  EXPECT_NE(server_->address(), "127.0.0.1:0");
  const HttpAnswer answer = get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("tailrace_lag_bytes"), std::string::npos);
}

TEST_F(Server, ListensOnIpv6) {
  const UniqueFd probe(socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  if (!probe || bind(probe.get(), reinterpret_cast<sockaddr*>(&loopback), sizeof loopback) != 0) {
    GTEST_SKIP() << "no IPv6 here";
  }
  start("[::1]:0");
  EXPECT_EQ(server_->address().rfind("[::1]:", 0), 0u) << server_->address();
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Server, QueriesReachTheRoutes) {
  start();
  source_.set(fresh_snapshot());
  EXPECT_EQ(get("/readyz?sinks").status, 503);
  get("/status.json?files=all");
  EXPECT_TRUE(source_.last_question().wants_sources);
  get("/status.json?files=some&x=%zz&&=");
  EXPECT_EQ(source_.last_question().lagging_files_max, 100u);
}

TEST_F(Server, TheTokenIsReadFromTheRequestsHeader) {
  start("127.0.0.1:0", "s3cret");
  EXPECT_EQ(get("/metrics").status, 401);
  EXPECT_EQ(get("/metrics", "wrong").status, 401);
  EXPECT_EQ(get("/metrics", "s3cret").status, 200);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Server, HeadHasTheLengthAndNoBody) {
  start();
  const std::string answer = raw("HEAD /healthz HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer.rfind("HTTP/1.", 0), 0u) << answer;
  EXPECT_NE(answer.find("Content-Length: 3\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.substr(answer.size() - 4), "\r\n\r\n") << answer;
}

TEST_F(Server, OtherMethodsAre405WithAllow) {
  start();
  for (const char* request :
       {"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}) {
    const std::string answer = raw(request);
    EXPECT_NE(answer.find(" 405 "), std::string::npos) << request << answer;
    EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos) << request << answer;
  }
}

TEST_F(Server, ABodyIsRefusedUnread) {
  start();
  const std::string answer =
      raw("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_NE(answer.find(" 413 "), std::string::npos) << answer;
}

// Nothing that is sent may take the server down or keep it from the next client.
TEST_F(Server, GarbageIsAnsweredOrCutOffAndTheNextClientIsServed) {
  start();
  std::string binary;
  for (int i = 0; i < 4096; ++i) binary += static_cast<char>(i * 131 + 7);
  const std::vector<std::string> garbage = {"",
                                            "\r\n",
                                            "\n\n\n\n",
                                            "GET",
                                            "GET /metrics",
                                            "GET  HTTP/1.1\r\n\r\n",
                                            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
                                            binary,
                                            std::string(100'000, 'A'),
                                            "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n",
                                            "GET / HTTP/1.1\r\n" + std::string(50'000, 'h') + ": v\r\n\r\n",
                                            "GET /%00%ff%zz?%00=%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                            "GET / HTTP/9.9\r\n\r\n",
                                            "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                                            std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 28)};
  for (const std::string& request : garbage) {
    const std::string answer = raw(request);
    EXPECT_TRUE(answer.empty() || answer.rfind("HTTP/1.", 0) == 0) << request.substr(0, 50) << answer.substr(0, 100);
    EXPECT_EQ(get("/healthz").status, 200) << "after " << request.substr(0, 50);
  }
}

// Clients that connect and say nothing hold a connection each, but no thread.
TEST_F(Server, SilentClientsKeepNobodyOut) {
  start();
  const std::string port = server_->address().substr(server_->address().rfind(':') + 1);
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 20; ++i) {
    silent.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(silent.back().get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(send(silent.back().get(), "GET /", 5, MSG_NOSIGNAL), 5);
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Server, ManyClientsAtOnceAreAllAnswered) {
  start();
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 25; ++n) EXPECT_EQ(get("/status.json").status, 200);
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(Server, APortThatIsTakenIsAnErrorThatSaysSo) {
  start();
  const Result<std::unique_ptr<HttpServer>> second = HttpServer::start(server_->address(), source_, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno(), EADDRINUSE);
}

TEST_F(Server, APortIsFreeAgainWhenTheServerIsGone) {
  start();
  EXPECT_EQ(get("/healthz").status, 200);
  const std::string address = server_->address();
  server_.reset();
  start(address);
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(Server, WhatIsNoAddressIsBadInput) {
  for (const char* listen : {"", "127.0.0.1", "127.0.0.1:x", "::1:80", "[::1]", "no such host:80", ":80"}) {
    const Result<std::unique_ptr<HttpServer>> started = HttpServer::start(listen, source_, {});
    ASSERT_FALSE(started) << listen;
    EXPECT_EQ(started.error().kind(), ErrorKind::bad_input) << listen;
  }
}

TEST(HttpTarget, IsParsedFromUrlsAndAddresses) {
  const auto parsed = [](const char* url) {
    const Result<HttpTarget> target = HttpTarget::parse(url);
    return target ? target->host + "|" + target->port + "|" + target->path_prefix : "error";
  };
  EXPECT_EQ(parsed("http://host:80/behind/proxy/"), "host|80|/behind/proxy");
  EXPECT_EQ(parsed("http://host"), "host|9727|");
  EXPECT_EQ(parsed("127.0.0.1:1234"), "127.0.0.1|1234|");
  EXPECT_EQ(parsed("[::1]:1234"), "::1|1234|");
  EXPECT_EQ(parsed("0.0.0.0:1234"), "127.0.0.1|1234|");
  EXPECT_EQ(parsed("[::]:1234"), "::1|1234|");
  EXPECT_EQ(parsed("https://host"), "error");
  EXPECT_EQ(parsed(""), "error");
  EXPECT_EQ(parsed("http:///x"), "error");
}

}  // namespace
}  // namespace tailrace
