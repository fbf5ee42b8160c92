#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.hpp"
#include "sluice/os/process.hpp"

namespace sluice::os {
namespace {

using namespace std::chrono_literals;

using Lock = Scratch;

TEST_F(Lock, ASecondHolderGetsTheNameOfTheFirst) {
  const auto first = FileLock::take(at("lock"), "sluice up");
  ASSERT_TRUE(first);
  const auto second = FileLock::take(at("lock"), "sluice run");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::failed_precondition);
  EXPECT_EQ(second.error().message,
            at("lock").string() + ": held by sluice up, pid " + std::to_string(getpid()));
  EXPECT_EQ(*FileLock::holder_of(at("lock")), "sluice up, pid " + std::to_string(getpid()));
}

TEST_F(Lock, IsFreeOnceItsHolderIsGone) {
  EXPECT_EQ(*FileLock::holder_of(at("lock")), std::nullopt);
  {
    ASSERT_TRUE(FileLock::take(at("lock"), "a longer name than the next"));
  }
  EXPECT_EQ(*FileLock::holder_of(at("lock")), std::nullopt);
  const auto next = FileLock::take(at("lock"), "next");
  EXPECT_EQ(*FileLock::holder_of(at("lock")), "next, pid " + std::to_string(getpid()));
}

// Like a child whose parent is killed during the fork: it has the lock until it calls exec.
TEST_F(Lock, TheLockOfADeadHolderIsWaitedFor) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const auto lock = FileLock::take(at("lock"), "killed");
    const auto parent = getpid();
    const pid_t heir = fork();
    if (heir == 0) {
      while (getppid() == parent) std::this_thread::sleep_for(1ms);
      std::this_thread::sleep_for(50ms);
      _exit(0);
    }
    static_cast<void>(write(ends[1], "x", 1));
    pause();
  }
  char up = 0;
  ASSERT_EQ(read(ends[0], &up, 1), 1);
  EXPECT_FALSE(FileLock::take(at("lock"), "early"));
  kill(holder, SIGKILL);
  ASSERT_EQ(waitpid(holder, nullptr, 0), holder);
  EXPECT_TRUE(FileLock::take(at("lock"), "next"));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Lock, AHolderThatHasNotWrittenItsNameYetIsWaitedFor) {
  const auto held = open_file(at("lock"), O_RDWR | O_CREAT, 0644);
  ASSERT_EQ(flock(held->get(), LOCK_EX), 0);
  const std::jthread writer([&] { EXPECT_TRUE(write_fd(held->get(), "late\n")); });
  EXPECT_EQ(*FileLock::holder_of(at("lock")), "late");
}

TEST_F(Lock, AChildDoesNotKeepIt) {
  auto lock = FileLock::take(at("lock"), "us");
  auto child = spawn({.program = "/bin/sleep", .argv = {"sleep", "60"}});
  ASSERT_TRUE(child);
  lock = Fail(Error{});
  EXPECT_TRUE(FileLock::take(at("lock"), "next"));
  child->signal(9);
  EXPECT_EQ(child->wait()->signal, 9);
}

}  // namespace
}  // namespace sluice::os
