// What an earlier supervisor left running, as real processes of this one. Their fences are unique: all
// processes of the machine are searched for them.
#include "sluice/supervisor/recovery.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "sluice/os/cgroup.hpp"
#include "sluice/os/process.hpp"
#include "sluice/os/tree.hpp"
#include "sluice/supervisor/launch.hpp"

namespace sluice::supervisor {
namespace {

class Recovery : public ::testing::Test {
 protected:
  Recovery() { EXPECT_FALSE(open().same_boot()); }  // as the earlier supervisor
  ~Recovery() override {
    for (auto& process : started_) {
      process.signal(SIGKILL);
      process.wait();
    }
  }
  [[nodiscard]] AttemptLog open(const std::string& boot = "boot") const {
    return test::value_of(AttemptLog::open(folder_.path() / "supervisor.log", boot));
  }
  [[nodiscard]] static std::string fence(const std::string& name) {
    return name + "-of-" + std::to_string(getpid());
  }
  /// A process with this environment.
  pid_t sleeper(std::vector<std::string> env = {}) {
    started_.push_back(test::value_of(os::spawn(
        {.program = "/bin/sleep", .argv = {"sleep", "600"}, .env = std::move(env), .new_session = true})));
    return started_.back().pid();
  }
  pid_t marked_sleeper(const std::string& fence_of_mark) {
    const auto pid = sleeper();
    const rlimit mark{.rlim_cur = os::tree_mark(tree_id(fence_of_mark)), .rlim_max = RLIM_INFINITY};
    EXPECT_EQ(prlimit(pid, RLIMIT_RTTIME, &mark, nullptr), 0);
    return pid;
  }
  static bool is_alive(pid_t pid) {
    const auto info = os::process_info(pid);
    return info && info->state != 'Z';
  }

  os::TemporaryDirectory folder_ = test::value_of(os::TemporaryDirectory::make_in_tmp("sluice-recovery-"));
  SystemClock clock_;
  std::vector<os::Process> started_;
};

TEST_F(Recovery, AnAttemptWithoutAnEndIsLost) {
  auto log = open();
  ASSERT_OK(log.begin(fence("f"), "", 5));
  end_lost_attempts(log, clock_);
  EXPECT_TRUE(log.begun().empty());
  const auto* ended = log.ended(fence("f"));
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->kind, EndKind::lost);
  EXPECT_EQ(ended->started_ms, 5);
  EXPECT_GT(ended->ended_ms, 5);
}

TEST_F(Recovery, WhatHasItsMarkerIsKilled) {
  auto log = open();
  ASSERT_OK(log.begin(fence("f"), "", 1));
  const auto its = sleeper({"SLUICE_ATTEMPT=" + fence("f")});
  const auto of_another = sleeper({"SLUICE_ATTEMPT=" + fence("g")});
  const auto of_none = sleeper();
  end_lost_attempts(log, clock_);
  EXPECT_FALSE(is_alive(its));
  EXPECT_TRUE(is_alive(of_another));
  EXPECT_TRUE(is_alive(of_none));
}

TEST_F(Recovery, WhatHasItsMarkIsKilled) {
  auto log = open();
  ASSERT_OK(log.begin(fence("f"), "", 1));
  const auto its = marked_sleeper(fence("f"));
  const auto of_another = marked_sleeper(fence("g"));
  end_lost_attempts(log, clock_);
  EXPECT_FALSE(is_alive(its));
  EXPECT_TRUE(is_alive(of_another));
}

TEST_F(Recovery, ItsMainProcessIsKilledUnlessThatIsAYoungerOneWithThePid) {
  auto log = open();
  ASSERT_OK(log.begin(fence("same"), "", 1));
  ASSERT_OK(log.begin(fence("one tick"), "", 1));
  ASSERT_OK(log.begin(fence("younger"), "", 1));
  const auto same = sleeper();
  log.forked(fence("same"), same, os::process_info(same)->started + 100);
  // The time of the fork may have been read a tick before that of the process.
  const auto one_tick = sleeper();
  log.forked(fence("one tick"), one_tick, os::process_info(one_tick)->started - 1);
  const auto younger = sleeper();
  log.forked(fence("younger"), younger, os::process_info(younger)->started - 2);
  end_lost_attempts(log, clock_);
  EXPECT_FALSE(is_alive(same));
  EXPECT_FALSE(is_alive(one_tick));
  EXPECT_TRUE(is_alive(younger));
}

TEST_F(Recovery, WhatIsInItsGroupIsKilled) {
  auto parent = os::CgroupParent::make(folder_.path().filename().string(), false);
  if (!parent) return;  // nothing to see on a machine without cgroups
  auto leaf = test::value_of(parent->make_leaf("one"));
  const auto pid = sleeper();
  ASSERT_OK(leaf.add(pid));
  auto log = open();
  ASSERT_OK(log.begin(fence("f"), leaf.path().string(), 1));
  end_lost_attempts(log, clock_);
  EXPECT_FALSE(is_alive(pid));
}

TEST_F(Recovery, NothingIsKilledAfterAReboot) {
  {
    auto log = open();
    ASSERT_OK(log.begin(fence("f"), "", 1));
  }
  auto log = open("another boot");
  const auto pid = sleeper({"SLUICE_ATTEMPT=" + fence("f")});
  end_lost_attempts(log, clock_);
  EXPECT_TRUE(is_alive(pid));
  EXPECT_NE(log.ended(fence("f")), nullptr);
}

}  // namespace
}  // namespace sluice::supervisor
