#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/unique_fd.h"
#include "tests/base/wait.h"

namespace tailrace {
namespace {

// stderr is a pipe while this lives. Nobody reads it but read_until and rest.
class StderrPipe {
 public:
  StderrPipe() : before_(::dup(STDERR_FILENO)) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end_ = UniqueFd(ends[0]);
    const UniqueFd write_end(ends[1]);
    ::dup2(write_end.get(), STDERR_FILENO);
  }
  ~StderrPipe() { restore(); }

  // Reads on until what came so far is enough. False: the bound that only a hang reaches.
  bool read_until(const std::function<bool(const std::string&)>& is_enough) {
    while (!is_enough(so_far_)) {
      if (!is_readable(read_end_.get(), kHangMs)) return false;
      read_some();
    }
    return true;
  }
  // Everything that was written.
  std::string rest() {
    restore();  // the last writer is gone: the pipe ends
    while (read_some() > 0) continue;
    return so_far_;
  }
  void close_read_end() { read_end_.reset(); }

 private:
  void restore() {
    if (before_) ::dup2(before_.get(), STDERR_FILENO);
    before_.reset();
  }
  ssize_t read_some() {
    char buffer[65536];
    const ssize_t n = ::read(read_end_.get(), buffer, sizeof buffer);
    if (n > 0) so_far_.append(buffer, static_cast<std::size_t>(n));
    return n;
  }

  UniqueFd before_, read_end_;
  std::string so_far_;
};

class Log : public ::testing::Test {
 protected:
  ~Log() override {
    log::stop();
    log::set_level(LogLevel::info);
  }
  StderrPipe stderr_;
};

TEST_F(Log, BeforeTheStartLinesAreOneForOneAndBare) {
  log::error("cannot listen on {}", 9727);
  log::error("cannot listen on {}", 9727);
  EXPECT_EQ(stderr_.rest(), "tailrace: cannot listen on 9727\ntailrace: cannot listen on 9727\n");
}

TEST_F(Log, TextHasTimeLevelAndOneLineAnEvent) {
  log::start(LogLevel::info, LogFormat::text);
  log::warn("{}: two\nlines\x1b[31m", "/var/log/a.log");
  log::stop();
  EXPECT_THAT(stderr_.rest(), ::testing::MatchesRegex(
                                  "tailrace: [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warn "
                                  "/var/log/a\\.log: two\\\\nlines\\\\x1b\\[31m\n"));
}

TEST_F(Log, JsonIsValidWhateverTheBytes) {
  log::start(LogLevel::info, LogFormat::json);
  log::error("quote \" backslash \\ newline \n bad \xff\xfe utf-8 \xc3\xa4 {}", std::string(1, '\0'));
  log::stop();
  const std::string text = stderr_.rest();
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["level"], "error");
  EXPECT_EQ(json["message"], std::string("quote \" backslash \\ newline \n bad \\xff\\xfe utf-8 \xc3\xa4 ") + '\0');
  EXPECT_EQ(json["time"].get<std::string>().back(), 'Z');
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

// U+009B is ESC [ to a terminal; journald shows a line that is no UTF-8 as "[blob data]".
TEST_F(Log, NoTerminalActsOnItAndItIsUtf8) {
  for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
    log::start(LogLevel::info, format);
    log::error(
        "/l/c1\xc2\x9b"
        "31m.log /l/bad\xff.log /l/\xe2\x80\xaegol.log \x7f");
    log::stop();
  }
  const std::string text = stderr_.rest();
  EXPECT_NE(text.find("/l/c1\\u009b31m.log /l/bad\\xff.log /l/\\u202egol.log \\x7f\n"), std::string::npos) << text;
  EXPECT_NE(text.find("/l/c1\\u009b31m.log /l/bad\\\\xff.log /l/\\u202egol.log \\u007f\"}\n"), std::string::npos)
      << text;
  for (const char* raw : {"\xc2\x9b", "\xff", "\xe2\x80\xae", "\x7f"}) EXPECT_EQ(text.find(raw), std::string::npos);
}

TEST_F(Log, WritesNothingBelowItsLevel) {
  log::start(LogLevel::warn, LogFormat::text);
  log::info("quiet");
  log::set_level(LogLevel::debug);
  log::debug("loud");
  log::stop();
  const std::string text = stderr_.rest();
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find("debug loud"), std::string::npos);
}

TEST_F(Log, ARepeatedLineIsWrittenOnceWithItsCount) {
  log::start(LogLevel::info, LogFormat::text);
  for (int i = 0; i < 100; ++i) log::warn("the broker is down");
  log::stop();
  const std::string text = stderr_.rest();
  std::istringstream lines(text);
  std::string first, second, third;
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_TRUE(first.ends_with("the broker is down")) << text;
  EXPECT_TRUE(second.ends_with("the broker is down (came 99 more times)")) << text;
  EXPECT_FALSE(std::getline(lines, third)) << text;
}

// What a growing text says of `line N ...` lines, and of dropped ones. Looks at each line once.
struct Tally {
  int arrived = 0;
  int dropped = 0;
  std::size_t looked_at = 0;

  int take(const std::string& text) {
    for (std::size_t end = text.find('\n', looked_at); end != std::string::npos; end = text.find('\n', looked_at)) {
      const std::string line = text.substr(looked_at, end - looked_at);
      looked_at = end + 1;
      const std::size_t drop = line.find(" warn ");
      if (line.find(" info line ") != std::string::npos) ++arrived;
      if (drop != std::string::npos) dropped += std::stoi(line.substr(drop + 6));  // "N log lines were dropped"
    }
    return arrived + dropped;
  }
};

// Nobody reads stderr: the writers go on, and when it flows again the drops are said and every line is accounted for.
TEST_F(Log, AStuckStderrCostsLinesAndNeverTime) {
  constexpr int kLines = 40'000;  // of 100 bytes: more than a pipe and two full queues hold
  log::start(LogLevel::info, LogFormat::text);
  for (int i = 0; i < kLines; ++i) log::info("line {} {}", i, std::string(100, 'x'));
  Tally tally;
  EXPECT_TRUE(stderr_.read_until([&](const std::string& text) { return tally.take(text) == kLines; }));
  EXPECT_GT(tally.dropped, 0);
  EXPECT_GT(tally.arrived, 0);
}

TEST_F(Log, StopsAlthoughStderrIsStuck) {
  log::start(LogLevel::info, LogFormat::text);
  for (int i = 0; i < 20'000; ++i) log::info("line {} {}", i, std::string(100, 'x'));
  log::stop();  // a hang here is the failure
}

TEST_F(Log, AClosedStderrKillsNobody) {
  stderr_.close_read_end();
  log::start(LogLevel::info, LogFormat::text);
  log::info("into the void");
  log::stop();
}

}  // namespace
}  // namespace tailrace
