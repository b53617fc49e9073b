// What may stand in files, and what may be in the way of them: as the contract says, never a hang, never a crash.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/e2e/files_fixture.h"

namespace tailrace::e2e {
namespace {

using ::testing::HasSubstr;
using std::string_literals::operator""s;

using Content = FilesTest;
using Names = FilesTest;
using InTheWay = FilesTest;

constexpr uid_t kNobody = 65534;

std::vector<std::size_t> line_lengths(const std::string& text) {
  std::vector<std::size_t> lengths;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lengths.push_back(end - begin);
    begin = end + 1;
  }
  return lengths;
}

TEST_F(Content, BytesPassThroughAndLineEndsAreRemoved) {
  write_text_file(log(), "nul \0 byte\n\xff\xfe not utf-8\nwindows\r\n\ncr \r inside\nlast, without an end"s);
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_TRUE(prints(agent, "nul \0 byte\n\xff\xfe not utf-8\nwindows\n\ncr \r inside\nlast, without an end\n"s));
}

TEST_F(Content, ATextWithoutANewlineWaitsForItUnlessOnce) {
  write_text_file(log(), "whole\nhalf");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "whole\n"));
  append_text_file(log(), " and half\n");
  EXPECT_TRUE(prints(agent, "whole\nhalf and half\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// How much of a file the page cache holds.
std::uint64_t cached_bytes(const std::string& path, std::uint64_t size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  std::vector<unsigned char> pages((size + 4095) / 4096);
  EXPECT_EQ(::mincore(mapped, size, pages.data()), 0);
  ::munmap(mapped, size);
  ::close(fd);
  return 4096 *
         static_cast<std::uint64_t>(std::count_if(pages.begin(), pages.end(), [](auto page) { return page & 1; }));
}

// Read once and not again: it must not push the applications' data out.
TEST_F(Content, ABacklogDoesNotStayInThePageCache) {
  constexpr std::uint64_t kBytes = 48 * 1024 * 1024;
  std::string text;
  while (text.size() < kBytes) text += std::string(127, 'x') + "\n";
  write_text_file(log(), text);
  const int fd = ::open(log().c_str(), O_RDONLY | O_CLOEXEC);
  ::fsync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
  if (cached_bytes(log(), kBytes) > kBytes / 8) GTEST_SKIP() << "this file system keeps its pages";
  AgentConfig to_nowhere = config();
  to_nowhere.sink_type = "null";
  AgentProcess agent(to_nowhere);
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(agent.wait_metrics([](const MetricsText& now) { return now.sum("tailrace_acked_bytes_total") >= kBytes; },
                                 kSoon));
  EXPECT_TRUE(wait_until([&] { return cached_bytes(log(), kBytes) < kBytes / 8; }, kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// 3 MB in one line: pieces of max_line bytes, the last one shorter, the next line whole.
TEST_F(Content, ALongLineIsSplit) {
  write_text_file(log(), std::string(3'000'000, 'x') + "\nshort\n");
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  ASSERT_TRUE(prints_line(agent, "short"));
  EXPECT_EQ(line_lengths(agent.stdout_text()),
            (std::vector<std::size_t>{524'288, 524'288, 524'288, 524'288, 524'288, 378'560, 5}));
  EXPECT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) { return now.find("tailrace_long_lines_total", {{"reason", "split"}}) == 1.0; },
      kSoon));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(Content, ALongLineIsNeverCutInsideACharacter) {
  std::string text;
  for (int i = 0; i < 400'000; ++i) text += "\u20ac";  // three bytes each
  write_text_file(log(), text + "\n");
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(line_lengths(agent.stdout_text()), (std::vector<std::size_t>{524'286, 524'286, 151'428}));
}

TEST_F(Names, MayBeAnyBytes) {
  const std::vector<std::string> names = {"two words.log",   "\xff\xfe.log",         "new\nline.log", "quote\".log",
                                          "back\\slash.log", "\u00fcml\u00e4ut.log", ".hidden.log",   "percent%s.log"};
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  for (std::size_t i = 0; i < names.size(); ++i) write_text_file(log(names[i]), "line " + std::to_string(i) + "\n");
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_TRUE(prints_line(agent, "line " + std::to_string(i)));
  for (const std::string& name : names) append_text_file(log(name), "unfinished");  // all of them lag now
  EXPECT_TRUE(agent.wait_metrics(
      [&](const MetricsText& now) {
        return now.find("tailrace_lag_bytes", {{"stage", "acked"}}) == static_cast<double>(names.size() * 10);
      },
      kSoon));
  const auto page = agent.get("/status.json?files=all");
  ASSERT_TRUE(page.has_value());
  EXPECT_TRUE(nlohmann::json::accept(*page)) << *page;
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(InTheWay, WhatIsNoRegularFileIsLeftAlone) {
  ASSERT_EQ(::mkfifo(log("fifo.log").c_str(), 0644), 0);
  std::filesystem::create_directory(log("directory.log"));
  std::filesystem::create_symlink("/dev/zero", log("device.log"));
  std::filesystem::create_symlink("nowhere", log("dangling.log"));
  std::filesystem::create_symlink("loop.log", log("loop.log"));
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string socket_path = log("s.log");
  ASSERT_LT(socket_path.size(), sizeof address.sun_path);
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  write_text_file(log(), "regular\n");

  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "regular\n"));
  EXPECT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) { return now.sum("tailrace_open_errors_total", {{"reason", "not_regular"}}) >= 3; },
      kSoon));
  append_text_file(log(), "still\n");
  EXPECT_TRUE(prints(agent, "regular\nstill\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
  for (const char* name : {"fifo.log", "device.log", "s.log", "loop.log"})
    EXPECT_THAT(agent.stderr_text(), HasSubstr(log(name))) << "the line must name the file";
  ::close(socket);
}

TEST_F(InTheWay, ADirectoryRemovedAndMadeAnewIsFoundAgain) {
  AgentProcess agent(config("sub/deep/*.log"));
  ASSERT_TRUE(agent.start_ready());
  std::string expected;
  for (int i = 0; i < 3; ++i) {
    std::filesystem::create_directories(logs_ / "sub/deep");
    const std::string text = "life " + std::to_string(i) + "\n";
    write_text_file(logs_ / "sub/deep/app.log", text);
    expected += text;
    EXPECT_TRUE(prints(agent, expected));
    std::filesystem::remove_all(logs_ / "sub");
  }
  EXPECT_EQ(agent.terminate(), kSuccess);
}

// Logged once, counted, tried again; the other file goes on meanwhile.
TEST_F(InTheWay, AFileWithoutPermissionWaitsAndTheOthersGoOn) {
  write_text_file(log("closed.log"), "closed\n");
  std::filesystem::permissions(log("closed.log"), std::filesystem::perms::none);
  write_text_file(log("open.log"), "open\n");
  AgentProcess agent(config());
  if (::geteuid() == 0) agent.run_as(kNobody);
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "open\n"));
  EXPECT_TRUE(agent.wait_metrics(
      [](const MetricsText& now) { return now.sum("tailrace_open_errors_total", {{"reason", "permission"}}) >= 1; },
      kSoon));
  const std::string said = agent.stderr_text();
  EXPECT_THAT(said, HasSubstr("closed.log"));
  EXPECT_EQ(said.find("closed.log"), said.rfind("closed.log")) << said;
  std::filesystem::permissions(log("closed.log"), std::filesystem::perms(0644));
  EXPECT_TRUE(prints(agent, "open\nclosed\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
}

TEST_F(InTheWay, OnceSaysThatAFileCouldNotBeRead) {
  write_text_file(log("closed.log"), "closed\n");
  std::filesystem::permissions(log("closed.log"), std::filesystem::perms::none);
  write_text_file(log("open.log"), "open\n");
  AgentProcess agent(config());
  if (::geteuid() == 0) agent.run_as(kNobody);
  EXPECT_EQ(agent.run_once(kSoon), (ExitStatus{.code = 1}));
  EXPECT_TRUE(prints(agent, "open\n"));
  EXPECT_THAT(agent.stderr_text(), HasSubstr("closed.log"));
}

TEST_F(InTheWay, NothingThatMatchesIsNoError) {
  AgentProcess agent(config());
  EXPECT_EQ(agent.run_once(kSoon), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "");
  EXPECT_NE(agent.stderr_text(), "");
}

TEST_F(InTheWay, ASecondNameOfAFileShipsNothingTwice) {
  write_text_file(log(), "once\n");
  std::filesystem::create_hard_link(log(), log("hard.log"));
  std::filesystem::create_symlink(log(), log("soft.log"));
  AgentProcess agent(config());
  ASSERT_TRUE(agent.start_ready());
  EXPECT_TRUE(prints(agent, "once\n"));
  append_text_file(log("soft.log"), "twice\n");
  EXPECT_TRUE(prints(agent, "once\ntwice\n"));
  EXPECT_EQ(agent.terminate(), kSuccess);
  EXPECT_EQ(agent.stdout_text(), "once\ntwice\n");
}

}  // namespace
}  // namespace tailrace::e2e
