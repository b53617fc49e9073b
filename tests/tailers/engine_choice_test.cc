#include "tailers/engine_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <thread>

namespace tailrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(EngineChoice, TakesTheOneThatIsNamed) {
  EXPECT_EQ(choose_engine(EngineChoice::sync)->engine->name(), "sync");
  EXPECT_EQ(choose_engine(EngineChoice::threads)->engine->name(), "threads");
}

TEST(EngineChoice, AutomaticTakesTheFirstThatIsAllowedAndSaysWhy) {
  const std::vector<std::string> allowed = allowed_engines();
  const Result<EngineChosen> chosen = choose_engine(EngineChoice::automatic);
  ASSERT_TRUE(chosen) << chosen.error().text();
  EXPECT_EQ(chosen->engine->name(), allowed.front());
  EXPECT_THAT(chosen->reason, HasSubstr(allowed.front()));
}

TEST(EngineChoice, IoUringWorksExactlyWhereItIsAllowed) {
  const std::vector<std::string> allowed = allowed_engines();
  const Result<EngineChosen> chosen = choose_engine(EngineChoice::io_uring);
  EXPECT_EQ(static_cast<bool>(chosen), allowed.front() == "io_uring");
  if (chosen) {
    EXPECT_EQ(chosen->engine->name(), "io_uring");
  }
}

// What Docker's and containerd's default profiles do. A filter binds the thread that installs it, and that ends with
// it.
bool refuse_io_uring_setup() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {.len = static_cast<unsigned short>(std::size(code)), .filter = code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(EngineChoice, FallsBackToThreadsWhereSeccompRefusesIoUring) {
  bool is_refused = false;
  std::thread([&] {
    is_refused = refuse_io_uring_setup();
    if (!is_refused) return;
    const Result<EngineChosen> chosen = choose_engine(EngineChoice::automatic);
    ASSERT_TRUE(chosen) << chosen.error().text();
    EXPECT_EQ(chosen->engine->name(), "threads");
    EXPECT_THAT(chosen->reason, HasSubstr("io_uring is not permitted here"));
    EXPECT_THAT(allowed_engines(), ElementsAre("threads", "sync"));
    const Result<EngineChosen> forced = choose_engine(EngineChoice::io_uring);
    ASSERT_FALSE(forced);
    EXPECT_EQ(forced.error().kind(), ErrorKind::permission);
    EXPECT_THAT(forced.error().text(), HasSubstr("engine = \"auto\""));
  }).join();
  if (!is_refused) GTEST_SKIP() << "this kernel lets no seccomp filter be installed";
}

}  // namespace
}  // namespace tailrace
