#include "sluice/os/seccomp.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"

namespace sluice::os {
namespace {

using Verdict = SyscallFilter::Verdict;

constexpr int not_installed = 99;

/// The exit status of a child that installs the filter and then does `work`; minus the signal that ended it.
int in_child(const SyscallFilter& filter, Verdict otherwise, const std::function<int()>& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !filter.install(otherwise)) _exit(not_installed);
    syscall(SYS_exit_group, work());
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int errno_of(long outcome) { return outcome < 0 ? errno : 0; }

TEST(SyscallFilters, DecideByTheNumberOfACall) {
  ASSERT_TRUE(SyscallFilter::available());
  SyscallFilter filter;
  filter.add(Verdict::refuse(EDOM), {SYS_getppid});
  filter.add(Verdict::refuse(0), {SYS_getuid});
  filter.add(Verdict::end_process(), {SYS_getgid});
  const auto outcome = [&](long number) {
    return in_child(filter, Verdict::allow(), [=] { return errno_of(syscall(number)); });
  };
  EXPECT_EQ(outcome(SYS_getppid), EDOM);
  EXPECT_EQ(outcome(SYS_getuid), 0);
  EXPECT_EQ(outcome(SYS_getgid), -SIGSYS);
  EXPECT_EQ(outcome(SYS_getpid), 0);
}

TEST(SyscallFilters, RefuseWhatNoRuleNames) {
  SyscallFilter filter;
  filter.add(Verdict::allow(), {SYS_exit_group, SYS_getpid});
  const auto outcome = [&](long number) {
    return in_child(filter, Verdict::refuse(EDOM), [=] { return errno_of(syscall(number)); });
  };
  EXPECT_EQ(outcome(SYS_getpid), 0);
  EXPECT_EQ(outcome(SYS_getppid), EDOM);
}

TEST(SyscallFilters, LookAtBothHalvesOfAnArgument) {
  constexpr std::uint64_t high = std::uint64_t{1} << 40;
  SyscallFilter filter;
  filter.add(Verdict::refuse(EDOM), SYS_getppid,
             {{.index = 0, .mask = high | 6, .value = high | 4},
              {.index = 5, .mask = ~std::uint64_t{0}, .value = 7}});
  filter.add(Verdict::refuse(ERANGE), SYS_getppid, {{.index = 0, .mask = 1, .value = 1}});
  const auto outcome = [&](std::uint64_t first, std::uint64_t last) {
    return in_child(filter, Verdict::allow(),
                    [=] { return errno_of(syscall(SYS_getppid, first, 0, 0, 0, 0, last)); });
  };
  EXPECT_EQ(outcome(high | 4, 7), EDOM);
  EXPECT_EQ(outcome(high | 5, 7), EDOM) << "the first rule that matches decides";
  EXPECT_EQ(outcome(4, 7), 0);
  EXPECT_EQ(outcome(high | 2, 7), 0);
  EXPECT_EQ(outcome(high | 4, high | 7), 0);
  EXPECT_EQ(outcome(high | 3, 7), ERANGE);
  EXPECT_EQ(outcome(0, 7), 0);
}

TEST(SyscallFilters, AddUpAndReachAllThreads) {
  SyscallFilter first;
  first.add(Verdict::refuse(EDOM), {SYS_getppid});
  const auto work = [] {
    int seen = 0;
    // A thread that is there before the second filter.
    std::atomic<bool> go = false;
    std::thread before([&] {
      while (!go) sched_yield();
      seen = errno_of(syscall(SYS_getuid));
    });
    SyscallFilter second;
    second.add(Verdict::refuse(ERANGE), {SYS_getuid});
    second.add(Verdict::allow(), {SYS_getppid});
    const bool installed = second.install(Verdict::allow()).has_value();
    go = true;
    before.join();
    return installed && seen == ERANGE && errno_of(syscall(SYS_getppid)) == EDOM ? 0 : 1;
  };
  EXPECT_EQ(in_child(first, Verdict::allow(), work), 0);
}

}  // namespace
}  // namespace sluice::os
