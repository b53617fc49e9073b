#include "agent/progress_line.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "sample_snapshot.h"
#include "scratch_directory.h"

namespace tailrace {
namespace {

TEST(ProgressText, SaysWhatIsShippedWhatIsLeftAndHowFast) {
  EXPECT_EQ(progress_text(3 * 1024 * 1024, 512, 1536), "shipped 3.0 MiB, 512 B to go, 1.5 KiB/s");
}

TEST(ProgressLine, OnATerminalIsOverwrittenAndLeavesNothingBehind) {
  const UniqueFd master(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
  ASSERT_TRUE(static_cast<bool>(master));
  ASSERT_EQ(grantpt(master.get()), 0);
  ASSERT_EQ(unlockpt(master.get()), 0);
  const UniqueFd terminal(open(ptsname(master.get()), O_RDWR | O_NOCTTY));
  ASSERT_TRUE(static_cast<bool>(terminal));

  const Instant now{std::chrono::seconds(100)};
  {
    ProgressLine line(terminal.get());
    line.show(sample_snapshot(), now);
    EXPECT_EQ(line.next_deadline(), now + std::chrono::milliseconds(500));
    line.show(sample_snapshot(), now);  // not due: nothing is written
  }
  // A terminal hands on what was written to it in its own time, and in pieces.
  const std::string expected = "\r\033[Kshipped 1003 B, 72 B to go, 0 B/s\r\r\033[K";
  std::string shown;
  pollfd wanted{.fd = master.get(), .events = POLLIN, .revents = 0};
  while (shown.size() < expected.size() && poll(&wanted, 1, 10'000) > 0) {
    char text[1024];
    const ssize_t bytes = read(master.get(), text, sizeof text);
    if (bytes <= 0) break;
    shown.append(text, static_cast<std::size_t>(bytes));
  }
  EXPECT_EQ(shown, expected);
}

TEST(ProgressLine, WithoutATerminalIsNothing) {
  const ScratchDirectory scratch;
  const UniqueFd file(open(scratch.write("stderr", "").c_str(), O_WRONLY));
  {
    ProgressLine line(file.get());
    EXPECT_EQ(line.next_deadline(), kNever);
    line.show(sample_snapshot(), Instant{std::chrono::seconds(100)});
  }
  EXPECT_EQ(scratch.read("stderr"), "");
}

}  // namespace
}  // namespace tailrace
