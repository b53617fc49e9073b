#include "agent/http_routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sample_snapshot.h"

namespace tailrace {
namespace {

class Routes : public testing::Test {
 protected:
  HttpReply get(const std::string& path, std::map<std::string, std::string> arguments = {}) {
    return answer({"GET", path, std::move(arguments), authorization_});
  }
  // What the loop says reaches only the paths that ask for it.
  HttpReply answer(const HttpRequest& request) {
    question_ = routes_.question(request);
    LoopAnswer loop;
    if (question_) loop.is_turning = is_turning_;
    if (question_ && question_->wants_snapshot) loop.snapshot = snapshot_;
    return routes_.answer(request, loop);
  }
  void set(Snapshot snapshot) { snapshot_ = std::make_shared<const Snapshot>(std::move(snapshot)); }
  static std::string header(const HttpReply& reply, const std::string& name) {
    for (const auto& [key, value] : reply.headers) {
      if (key == name) return value;
    }
    return "";
  }

  std::shared_ptr<const Snapshot> snapshot_;
  bool is_turning_ = true;
  std::optional<LoopQuestion> question_;  // of the last request
  HttpRoutes routes_{{"1.2.3", "2.0.2"}, ""};
  std::string authorization_;
};

TEST_F(Routes, MetricsAreInPrometheusTextFormat) {
  set(sample_snapshot());
  const HttpReply reply = get("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(reply.body.find("tailrace_lag_bytes{tailer=\"app\",stage=\"acked\"} 72"), std::string::npos);
  EXPECT_NE(reply.body.find("process_resident_memory_bytes "), std::string::npos);
  EXPECT_EQ(question_->lagging_files_max, 0u);  // a scrape looks for no files
}

TEST_F(Routes, StatusAsksForAHundredFilesOrForAll) {
  set(sample_snapshot());
  const HttpReply reply = get("/status.json");
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(nlohmann::json::parse(reply.body)["agent"]["name"], "host1");
  EXPECT_EQ(question_->lagging_files_max, 100u);
  EXPECT_FALSE(question_->wants_sources);
  const HttpReply all = get("/status.json", {{"files", "all"}});
  EXPECT_TRUE(question_->wants_sources);
  EXPECT_TRUE(all.pieces);
  EXPECT_EQ(all.body, "");
}

TEST_F(Routes, HealthIsThatTheLoopTurns) {
  EXPECT_EQ(get("/healthz").status, 200);
  is_turning_ = false;
  EXPECT_EQ(get("/healthz").status, 503);
}

TEST_F(Routes, ReadyIsThatTheFirstScanIsDoneWhateverTheBrokersDo) {
  EXPECT_EQ(get("/readyz").status, 503);  // no answer from the loop yet
  set(fresh_snapshot());
  EXPECT_EQ(get("/readyz").status, 503);
  Snapshot snapshot = fresh_snapshot();
  snapshot.is_scanned = true;
  set(snapshot);
  EXPECT_EQ(get("/readyz").status, 200);
  const HttpReply reply = get("/readyz", {{"sinks", ""}});
  EXPECT_EQ(reply.status, 503);
  EXPECT_NE(reply.body.find("main"), std::string::npos) << reply.body;
  snapshot.sinks[0].status.has_connected = true;
  set(snapshot);
  EXPECT_EQ(get("/readyz", {{"sinks", ""}}).status, 200);
}

TEST_F(Routes, WithoutAnySnapshotTheyAre503) {
  for (const char* path : {"/metrics", "/status.json", "/readyz"}) EXPECT_EQ(get(path).status, 503) << path;
}

TEST_F(Routes, ThePageLoadsNothingFromOutside) {
  const HttpReply reply = get("/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "text/html; charset=utf-8");
  EXPECT_NE(reply.body.find("status.json"), std::string::npos);
  for (const char* outside : {"http://", "https://", "src=", "@import", "innerHTML"}) {
    EXPECT_EQ(reply.body.find(outside), std::string::npos) << outside;
  }
  EXPECT_NE(header(reply, "Content-Security-Policy").find("default-src 'none'"), std::string::npos);
}

TEST_F(Routes, WhatIsNotThereIs404) {
  for (const char* path : {"/metrics/", "/status", "/healthz/x", "//", "", "/..", "/index.html"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
}

TEST_F(Routes, OnlyGetAndHeadAreAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", ""}) {
    const HttpReply reply = answer({method, "/metrics", {}, ""});
    EXPECT_EQ(reply.status, 405) << method;
    EXPECT_EQ(header(reply, "Allow"), "GET, HEAD");
  }
  EXPECT_EQ(answer({"HEAD", "/healthz", {}, ""}).status, 200);
}

TEST_F(Routes, ATokenIsWantedEverywhereButForTheProbes) {
  set(sample_snapshot());
  routes_.token = "s3cret";
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crett", "Bearer S3CRET", "Basic s3cret",
                            "s3cret", "Bearer s3cret x"}) {
    authorization_ = wrong;
    for (const char* path : {"/", "/metrics", "/status.json", "/nothing"}) {
      const HttpReply reply = get(path);
      EXPECT_EQ(reply.status, 401) << path << " with " << wrong;
      EXPECT_EQ(reply.body.find("host1"), std::string::npos);
      EXPECT_EQ(header(reply, "WWW-Authenticate"), "Bearer realm=\"tailrace\"");
    }
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_EQ(get("/readyz").status, 200);
  }
  for (const char* right : {"Bearer s3cret", "bearer s3cret", "BEARER  s3cret"}) {
    authorization_ = right;
    EXPECT_EQ(get("/metrics").status, 200) << right;
  }
}

}  // namespace
}  // namespace tailrace
