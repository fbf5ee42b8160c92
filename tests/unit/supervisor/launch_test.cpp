// The launcher in this process, compiled with the flags of the tests: the start of a child is assembly.
#include "sluice/supervisor/launch.hpp"

#include <array>
#include <set>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refused_call.hpp"
#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace sluice::supervisor {
namespace {

class Launching : public ::testing::Test {
 protected:
  [[nodiscard]] Start shell(const std::string& line) const {
    return {.fence = "f",
            .program = "/bin/sh",
            .argv = {"sh", "-c", line},
            .env = {"PATH=/bin:/usr/bin"},
            .cwd = folder_.path().string(),
            .log = {}};
  }
  Result<pid_t> launch(const Start& start, const os::MemoryGroup* memory = nullptr) {
    *report_ = Report{};
    return launcher_.launch(start, log_.get(), nullptr, memory, report_);
  }
  /// The exit status; -1 after a signal.
  static int end_of(pid_t pid) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// Of no other process, whatever namespace that is in.
  [[nodiscard]] std::string group_name() const { return folder_.path().filename().string(); }
  [[nodiscard]] std::string log() const { return test::value_of(os::read_file(folder_.path() / "log")); }

  os::TemporaryDirectory folder_ = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-launch-"));
  os::UniqueFd log_ = test::value_of(os::open_file(folder_.path() / "log", O_WRONLY | O_CREAT | O_APPEND));
  Launcher launcher_;
  Reports reports_;
  Report* report_ = reports_.acquire();
};

TEST_F(Launching, ChildrenOnTheLaunchersOwnStackRunOneAfterAnother) {
  for (const auto* status : {"0", "1", "7"}) {
    const auto pid = launch(shell("echo " + std::string(status) + "; exit " + status));
    ASSERT_OK(pid);
    EXPECT_EQ(end_of(*pid), std::stoi(status));
    EXPECT_EQ(report_->what, Report::What::nothing);
  }
  EXPECT_EQ(log(), "0\n1\n7\n");
}

TEST_F(Launching, AChildReportsWhyItCouldNotRun) {
  auto start = shell("");
  start.program = "/nothing/here";
  const auto pid = launch(start);
  ASSERT_OK(pid);
  EXPECT_EQ(end_of(*pid), 127);
  EXPECT_EQ(report_->what, Report::What::step);
  EXPECT_EQ(report_->step, Step::execute);
  EXPECT_EQ(report_->error, ENOENT);
}

TEST_F(Launching, AChildInheritsNoDescriptor) {
  // Both without O_CLOEXEC: one that any code of this process may have opened, and one with a high number.
  const os::UniqueFd low(dup(log_.get()));
  const os::UniqueFd high(fcntl(log_.get(), F_DUPFD, 200));
  const auto pid = launch(shell("exec ls /proc/self/fd"));
  ASSERT_OK(pid);
  EXPECT_EQ(end_of(*pid), 0);
  EXPECT_EQ(log(), "0\n1\n2\n3\n");  // 3: the folder that ls reads
}

TEST_F(Launching, AChildHasTheSignalsOfAnOrdinaryProcess) {
  constexpr std::array ignored{SIGHUP, SIGINT, SIGQUIT, SIGPIPE};  // as the supervisor does
  for (const int number : ignored) signal(number, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const auto pid =
      launch(shell("bits() { echo $((0x$(grep $1 /proc/self/status | cut -f 2) & $2)); }; bits SigIgn "
                   "0x1007; bits SigBlk 0x7fffffffffffffff"));
  sigprocmask(SIG_SETMASK, &before, nullptr);
  for (const int number : ignored) signal(number, SIG_DFL);
  ASSERT_OK(pid);
  EXPECT_EQ(end_of(*pid), 0);
  EXPECT_EQ(log(), "0\n0\n");
}

TEST_F(Launching, AChildHasTheLimitOfDescriptorsThatTheSupervisorWasStartedWith) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lower{.rlim_cur = 99, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lower), 0);
  launcher_ = Launcher();
  rlimit own{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &own), 0);
  EXPECT_EQ(own.rlim_cur, before.rlim_max);
  const auto pid = launch(shell("ulimit -n"));
  ASSERT_OK(pid);
  EXPECT_EQ(end_of(*pid), 0);
  EXPECT_EQ(log(), "99\n");
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(Launching, TheMarkerIsAddedToAnEmptyEnvironmentAndNotToOneThatHasIt) {
  auto start = shell("");
  start.program = "/usr/bin/env";
  start.argv = {"env"};
  for (const std::vector<std::string>& env :
       {std::vector<std::string>{}, {"SLUICE_ATTEMPT=g", "A=1"}, {"A=1", "SLUICE_ATTEMPTS=2"}}) {
    start.env = env;
    const auto pid = launch(start);
    ASSERT_OK(pid);
    EXPECT_EQ(end_of(*pid), 0);
  }
  EXPECT_EQ(log(), "SLUICE_ATTEMPT=f\nSLUICE_ATTEMPT=g\nA=1\nA=1\nSLUICE_ATTEMPTS=2\nSLUICE_ATTEMPT=f\n");
}

TEST_F(Launching, ThereIsAReportForEachAttempt) {
  std::set<Report*> all{report_};
  while (all.size() < running_max) {
    auto* report = reports_.acquire();
    report->what = Report::What::step;
    ASSERT_TRUE(all.insert(report).second);
  }
  auto* const again = *all.begin();
  reports_.release(again);
  EXPECT_EQ(reports_.acquire(), again);
  EXPECT_EQ(again->what, Report::What::nothing);
}

// As in containers whose filter does not know clone3.
TEST_F(Launching, AChildIsForkedWhereClone3IsUnknown) {
  const auto ended = with_refused_call(SYS_clone3, ENOSYS, [&] {
    for (const auto* line : {"echo one; exit 3", "echo two; exit 3"}) {
      const auto pid = launch(shell(line));
      if (!pid || end_of(*pid) != 3) return false;
    }
    auto start = shell("");
    start.program = "/nothing/here";
    const auto pid = launch(start);
    return pid && end_of(*pid) == 127 && report_->step == Step::execute && report_->error == ENOENT;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
  EXPECT_EQ(log(), "one\ntwo\n");
}

TEST_F(Launching, AForkedChildHasItsOwnMounts) {
  const auto source = folder_.path() / "source";
  const auto target = folder_.path() / "target";
  ASSERT_OK(os::write_file(source, "shown\n"));
  ASSERT_OK(os::write_file(target, "hidden\n"));
  auto start = shell("cat target");
  start.mounts = {{.source = source.string(), .target = target.string()}};
  const auto pid = launch(start);
  if (!pid || end_of(*pid) != 0) return;  // this machine permits no mounts
  const auto ended = with_refused_call(SYS_clone3, ENOSYS, [&] {
    const auto forked = launch(start);
    return forked && end_of(*forked) == 0;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
  EXPECT_EQ(log(), "shown\nshown\n");
  EXPECT_EQ(test::value_of(os::read_file(target)), "hidden\n");  // for this process
}

TEST_F(Launching, AForkedChildReportsThatItMayHaveNoMounts) {
  auto start = shell("echo ran");
  start.mounts = {{.source = "/a", .target = "/b"}};
  const auto unknown = with_refused_call(SYS_unshare, EPERM, [&] {
    return with_refused_call(SYS_clone3, ENOSYS, [&] {
             const auto pid = launch(start);
             return pid && end_of(*pid) == 127 && report_->what == Report::What::mounts &&
                    report_->error == EPERM;
           }) == Refused::as_expected;
  });
  if (unknown == Refused::not_possible) return;
  EXPECT_EQ(unknown, Refused::as_expected);
  EXPECT_EQ(log(), "");
}

// The supervisor may die before its child has asked to die with it. In a new process namespace, a child's
// parent is not the process that it expects either.
TEST_F(Launching, AChildWhoseParentIsAnotherDoesNotRun) {
  const auto child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(2);
    const auto pid = launch(shell("echo ran"));
    _exit(pid && end_of(*pid) == 127 && report_->what == Report::What::nothing ? 0 : 1);
  }
  const auto status = end_of(child);
  if (status == 2) return;  // it needs a right that this process lacks
  EXPECT_EQ(status, 0);
  EXPECT_EQ(log(), "");
}

TEST_F(Launching, AForkedChildJoinsItsGroup) {
  auto parent = os::CgroupParent::make(group_name(), false);
  if (!parent) return;  // nothing to see on a machine without cgroups
  const auto leaf = test::value_of(parent->make_leaf("one"));
  const auto ended = with_refused_call(SYS_clone3, ENOSYS, [&] {
    const auto pid = launcher_.launch(shell("grep -c /sluice-launch-.*/one$ /proc/self/cgroup"), log_.get(),
                                      &leaf, nullptr, report_);
    return pid && end_of(*pid) == 0;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
  EXPECT_EQ(log(), "1\n");
}

TEST_F(Launching, NoChildIsForkedForAGroupThatIsGone) {
  auto parent = os::CgroupParent::make(group_name(), false);
  if (!parent) return;
  const auto leaf = test::value_of(parent->make_leaf("one"));
  ASSERT_EQ(rmdir(leaf.path().c_str()), 0);
  const auto ended = with_refused_call(SYS_clone3, ENOSYS, [&] {
    const auto pid = launcher_.launch(shell("echo ran"), log_.get(), &leaf, nullptr, report_);
    return !pid && launcher_.error() != 0;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
  EXPECT_EQ(log(), "");
}

TEST_F(Launching, AForkedChildThatCannotJoinItsGroupDoesNotRun) {
  auto parent = os::CgroupParent::make(group_name(), false);
  if (!parent) return;
  const auto threaded = test::value_of(parent->make_leaf("threaded"));
  const auto leaf = test::value_of(parent->make_leaf("one"));
  // A group beside a threaded one accepts no process.
  if (!os::write_file(threaded.path() / "cgroup.type", "threaded")) return;
  const auto ended = with_refused_call(SYS_clone3, ENOSYS, [&] {
    const auto pid = launcher_.launch(shell("echo ran"), log_.get(), &leaf, nullptr, report_);
    return pid && end_of(*pid) == 127 && report_->what == Report::What::step && report_->step == Step::fork;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
  EXPECT_EQ(log(), "");
}

TEST_F(Launching, AnotherErrorOfClone3IsReported) {
  const auto ended = with_refused_call(SYS_clone3, EAGAIN, [&] {
    const auto pid = launch(shell("echo ran"));
    return !pid && launcher_.error() == EAGAIN;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
  EXPECT_EQ(log(), "");
}

// With and without mounts, which are two ways to fork. Nothing to see on a machine that has no such groups.
TEST_F(Launching, AChildJoinsItsMemoryGroupBeforeItExecutes) {
  auto groups = os::MemoryGroups::make(group_name());
  if (!groups) return;
  const auto group = groups->make_group("one", std::uint64_t{1} << 30);
  ASSERT_OK(group);
  const auto file = folder_.path() / "file";
  ASSERT_OK(os::write_file(file, ""));
  auto start = shell("grep -c /sluice-launch-.*/one$ /proc/self/cgroup");
  for (const std::vector<Mount>& mounts :
       {std::vector<Mount>{}, std::vector<Mount>{{.source = file.string(), .target = file.string()}}}) {
    start.mounts = mounts;
    const auto pid = launch(start, &*group);
    if (!pid && pid.error().code == Code::permission_denied) return;  // no mount namespace
    ASSERT_OK(pid);
    const auto status = end_of(*pid);
    if (report_->what == Report::What::mounts) return;
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(log(), "1\n1\n");
}

TEST_F(Launching, AChildWithMountsRunsOnACopyOfTheStack) {
  const auto source = folder_.path() / "source";
  const auto target = folder_.path() / "target";
  ASSERT_OK(os::write_file(source, "shown\n"));
  ASSERT_OK(os::write_file(target, ""));
  auto start = shell("cat target");
  start.mounts = {{.source = source.string(), .target = target.string()}};
  const auto pid = launch(start);
  if (!pid) {  // this machine permits no mount namespace
    EXPECT_EQ(pid.error().code, Code::permission_denied);
    return;
  }
  const auto status = end_of(*pid);
  if (report_->what == Report::What::mounts) {  // a namespace, but no mount in it
    EXPECT_EQ(status, 127);
    return;
  }
  EXPECT_EQ(status, 0);
  EXPECT_EQ(log(), "shown\n");
}

}  // namespace
}  // namespace sluice::supervisor
