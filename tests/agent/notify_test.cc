#include "agent/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "scratch_directory.h"

namespace tailrace {
namespace {

// The service manager's side of the socket.
class ServiceManager : public testing::Test {
 protected:
  void listen_at(const std::string& address) {
    socket_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, address.data(), address.size());
    if (address.front() == '@') at.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    ASSERT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&at), length), 0);
    setenv("NOTIFY_SOCKET", address.c_str(), 1);
  }
  std::string received() {
    std::array<char, 4096> text;
    const ssize_t bytes = recv(socket_.get(), text.data(), text.size(), 0);
    return bytes < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(bytes));
  }
  void TearDown() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }

  ScratchDirectory scratch_;
  UniqueFd socket_;
};

TEST_F(ServiceManager, HearsOfTheStartTheEndAndEachSignOfLife) {
  listen_at(scratch_ / "notify");
  Notify notify = Notify::from_environment();
  notify.ready("shipping");
  notify.alive();
  notify.stopping("draining");
  EXPECT_EQ(received(), "READY=1\nSTATUS=shipping");
  EXPECT_EQ(received(), "WATCHDOG=1");
  EXPECT_EQ(received(), "STOPPING=1\nSTATUS=draining");
}

TEST_F(ServiceManager, MayListenUnderAnAbstractName) {
  listen_at("@tailrace_notify_test_" + std::to_string(getpid()));
  Notify notify = Notify::from_environment();
  notify.ready("shipping");
  EXPECT_EQ(received(), "READY=1\nSTATUS=shipping");
}

TEST_F(ServiceManager, WantsSignsOfLifeTwiceAsOftenAsItGivesUp) {
  listen_at(scratch_ / "notify");
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(Notify::from_environment().watchdog_interval(), std::chrono::seconds(15));
}

TEST_F(ServiceManager, WatchesOnlyTheProcessThatItNames) {
  listen_at(scratch_ / "notify");
  setenv("WATCHDOG_USEC", "30000000", 1);
  setenv("WATCHDOG_PID", std::to_string(getppid()).c_str(), 1);
  EXPECT_EQ(Notify::from_environment().watchdog_interval(), std::nullopt);
}

TEST_F(ServiceManager, WatchesNothingWhenItsVariablesAreNoNumbers) {
  listen_at(scratch_ / "notify");
  setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(Notify::from_environment().watchdog_interval(), std::nullopt);
}

// What we start must not speak for us.
TEST_F(ServiceManager, IsTakenOutOfTheEnvironment) {
  listen_at(scratch_ / "notify");
  setenv("WATCHDOG_USEC", "1", 1);
  const Notify notify = Notify::from_environment();
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
}

// A manager that reads nothing any more fills its socket: the loop goes on all the same.
TEST_F(ServiceManager, ThatReadsNothingHoldsNobodyUp) {
  listen_at(scratch_ / "notify");
  Notify notify = Notify::from_environment();
  for (int i = 0; i < 100'000; ++i) notify.alive();
  EXPECT_EQ(received(), "WATCHDOG=1");
}

TEST_F(ServiceManager, ThatIsNotThereIsNotMissed) {
  for (const char* address : {"", "/no/such/socket", "relative", "@", "vsock:2:1"}) {
    setenv("NOTIFY_SOCKET", address, 1);
    Notify notify = Notify::from_environment();
    notify.ready("shipping");
    notify.alive();
  }
  setenv("NOTIFY_SOCKET", ("/" + std::string(500, 'x')).c_str(), 1);
  Notify::from_environment().ready("shipping");
  Notify().ready("shipping");
}

}  // namespace
}  // namespace tailrace
