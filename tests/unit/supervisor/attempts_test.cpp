// The attempts in this process, with a clock that the test moves: what is due when, and what is found by
// /proc.
#include "sluice/supervisor/attempts.hpp"

#include <algorithm>
#include <cerrno>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "attempts_fixture.hpp"
#include "refused_call.hpp"
#include "result_assertions.hpp"
#include "sluice/os/files.hpp"
#include "sluice/supervisor/log_quota.hpp"
#include "waiting.hpp"

namespace sluice::supervisor {
namespace {

TEST_F(AttemptsTest, NothingIsDueForATaskWithoutLimits) {
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  start(shell("f", "while ! test -e go; do sleep 0.01; done; exit 3"));
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  attempts_.reap();
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  ASSERT_OK(os::write_file(at("go"), ""));
  EXPECT_EQ(end().status, 3);
  EXPECT_EQ(attempts_.running(), 0U);
  EXPECT_EQ(attempts_.tick(), std::nullopt);
}

TEST_F(AttemptsTest, AnEndHasTheTimesOfTheClock) {
  const auto pid = start(shell("f", "exit 0"));
  clock_.at += 90ms;
  wait_until([&] { return state_of(pid) == 'Z'; });
  const auto ended = end();
  EXPECT_EQ(ended.started_ms, 1'700'003'600'000);
  EXPECT_EQ(ended.ended_ms, 1'700'003'600'090);
}

// Deadlines

TEST_F(AttemptsTest, TheEarliestDeadlineOfACancelledTaskCounts) {
  start(shell("f", "trap '' TERM; echo $$ > pid; while :; do sleep 60; done"));
  EXPECT_GT(pid_in("pid"), 0);
  attempts_.cancel("f", 60s);
  EXPECT_EQ(attempts_.tick(), 60s);
  attempts_.cancel("f", 10s);
  EXPECT_EQ(attempts_.tick(), 10s);
  attempts_.cancel("f", 30s);
  EXPECT_EQ(attempts_.tick(), 10s);
  clock_.at += 10s - 1ns;
  EXPECT_EQ(attempts_.tick(), 1ns);
  clock_.at += 1ns;
  EXPECT_EQ(attempts_.tick(), std::nullopt);  // it has been killed
  const auto ended = end();
  EXPECT_EQ(ended.status, SIGKILL);
  EXPECT_TRUE(ended.cancelled);
  EXPECT_EQ(attempts_.tick(), std::nullopt);
}

TEST_F(AttemptsTest, ADeadlineEndsWithItsTask) {
  start(shell("f", "exec sleep 600"));
  start(shell("g", "exec sleep 600"));
  attempts_.cancel("f", 60s);
  EXPECT_EQ(end().status, SIGTERM);
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  attempts_.cancel("g", 30s);
  EXPECT_EQ(attempts_.tick(), 30s);
}

TEST_F(AttemptsTest, CancellingAtOnceReplacesTheDeadline) {
  start(shell("f", "trap '' TERM; echo $$ > pid; while :; do sleep 60; done"));
  EXPECT_GT(pid_in("pid"), 0);
  attempts_.cancel("f", 60s);
  attempts_.cancel("f", 0s);
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  attempts_.cancel("f", 60s);  // it has been killed
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  EXPECT_EQ(end().status, SIGKILL);
}

TEST_F(AttemptsTest, ATaskThatIsCancelledAtOnceGetsNoOtherSignal) {
  start(shell("f", "exec sleep 600"));
  attempts_.cancel("f", 0s);
  EXPECT_EQ(end().status, SIGKILL);
}

TEST_F(AttemptsTest, ATaskThatIsCancelledAtOnceDoesNotChangeTheDeadlineOfAnother) {
  start(shell("f", "exec sleep 600"));
  start(shell("g", "trap '' TERM; echo $$ > pid; while :; do sleep 60; done"));
  EXPECT_GT(pid_in("pid"), 0);
  attempts_.cancel("f", 0s);
  attempts_.cancel("g", 60s);
  EXPECT_EQ(end().fence, "f");
  EXPECT_EQ(attempts_.tick(), 60s);
}

// Logs

TEST_F(AttemptsTest, TheLogThatIsDueFirstIsCheckedFirst) {
  start(limited(shell("quiet", "exec sleep 600"), std::uint64_t{1} << 40));
  EXPECT_EQ(attempts_.tick(), 50ms);
  start(limited(shell("small", "exec sleep 600"), 2 * log_bytes_per_ms));
  EXPECT_EQ(attempts_.tick(), 2ms);
  for (int i = 0; i < 3; ++i) {
    clock_.at += 2ms;
    EXPECT_EQ(attempts_.tick(), 2ms);
  }
}

TEST_F(AttemptsTest, ATaskThatStartsDoesNotDelayTheCheckOfAnotherLog) {
  start(limited(shell("small", "exec sleep 600"), 1'000'000));
  EXPECT_EQ(attempts_.tick(), 1ms);
  start(limited(shell("quiet", "exec sleep 600"), std::uint64_t{1} << 40));
  EXPECT_EQ(attempts_.tick(), 1ms);
}

TEST_F(AttemptsTest, LogsThatAreDueAlmostTogetherAreCheckedTogether) {
  start(limited(shell("a", "exec sleep 600"), std::uint64_t{1} << 40));
  clock_.at += 100us;
  start(limited(shell("b", "exec sleep 600"), std::uint64_t{1} << 40));
  clock_.at += 49'900us;  // that of `a` is due, that of `b` in 0.1 ms
  EXPECT_EQ(attempts_.tick(), 1ms);
}

TEST_F(AttemptsTest, LogsAreCheckedOnlyWhileATaskWithALimitRuns) {
  start(limited(shell("f", "exit 0"), 1));
  end();
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  clock_.at += 1h;
  start(limited(shell("g", "exec sleep 600"), std::uint64_t{1} << 40));
  EXPECT_EQ(attempts_.tick(), 50ms);
}

TEST_F(AttemptsTest, ATaskWithoutALimitMayPrintAnything) {
  start(shell("free", "echo text; echo $$ > pid; exec sleep 600"));
  EXPECT_GT(pid_in("pid"), 0);
  start(limited(shell("f", "exec sleep 600"), 1000));
  clock_.at += 1s;
  attempts_.tick();
  attempts_.cancel("free", 60s);
  EXPECT_EQ(end().status, SIGTERM);
}

TEST_F(AttemptsTest, ATaskWithTooLongALogIsKilledOnceAndReportedSo) {
  start(limited(shell("f", "trap '' TERM; head -c 2000 /dev/zero; echo $$ > pid; while :; do sleep 60; done"),
                1000));
  EXPECT_GT(pid_in("pid"), 0);
  clock_.at += 1ms;
  EXPECT_EQ(attempts_.tick(), 1s);  // no log is left to be checked
  attempts_.cancel("f", 1ms);       // it has been killed, so it gets no deadline
  EXPECT_EQ(attempts_.tick(), 1s);
  // Even if its log is shorter again.
  ASSERT_OK(os::write_file(at("f.log"), ""));
  EXPECT_EQ(end().kind, EndKind::log_quota);
}

TEST_F(AttemptsTest, ALogIsCutToItsLimitAndOnlyThen) {
  start(limited(shell("f", "head -c 2000 /dev/zero"), 1000));
  EXPECT_EQ(end().kind, EndKind::log_quota);
  EXPECT_EQ(test::value_of(os::read_file(at("f.log"))).size(), 1000U);
  start(limited(shell("g", "head -c 999 /dev/zero"), 1000));
  EXPECT_EQ(end().kind, EndKind::exited);
  EXPECT_EQ(test::value_of(os::read_file(at("g.log"))).size(), 999U);
}

// Memory

TEST_F(AttemptsTest, MemoryIsCheckedOnlyWhileATaskWithALimitRuns) {
  start(memory_limited(shell("f", "exec sleep 600"), 1));
  EXPECT_EQ(attempts_.tick(), 4ms);  // not before
  attempts_.cancel("f", 0ms);
  EXPECT_EQ(end().kind, EndKind::signalled);
  EXPECT_EQ(attempts_.tick(), std::nullopt);
}

TEST_F(AttemptsTest, TheTaskWhoseMemoryIsDueFirstIsCheckedFirst) {
  start(memory_limited(shell("large", "exec sleep 600"), std::uint64_t{1} << 40));
  EXPECT_EQ(attempts_.tick(), 100ms);
  start(memory_limited(shell("small", "exec sleep 600"), 30'000'000));
  EXPECT_EQ(attempts_.tick(), 4ms);
  for (int i = 0; i < 3; ++i) {
    clock_.at += 4ms;
    EXPECT_EQ(attempts_.tick(), 4ms);
  }
}

TEST_F(AttemptsTest, ATaskThatStartsDoesNotDelayTheCheckOfAnothersMemory) {
  start(memory_limited(shell("small", "exec sleep 600"), 30'000'000));
  EXPECT_EQ(attempts_.tick(), 4ms);
  start(memory_limited(shell("large", "exec sleep 600"), std::uint64_t{1} << 40));
  EXPECT_EQ(attempts_.tick(), 4ms);
}

TEST_F(AttemptsTest, MeasuringMemoryTakesATwentiethOfTheTime) {
  start(memory_limited(shell("f", "exec sleep 600"), 30'000'000));
  clock_.at += 4ms;
  clock_.each_time = 10ms;  // from the beginning of the measurement to its end
  EXPECT_EQ(attempts_.tick(), 210ms);
  clock_.each_time = 0ms;
  clock_.at += 60ms;
  // The same for a task that starts.
  start(memory_limited(shell("g", "exec sleep 600"), 30'000'000));
  EXPECT_EQ(attempts_.tick(), 140ms);
}

TEST_F(AttemptsTest, ATaskWithTooMuchMemoryIsKilledOnceAndReportedSo) {
  start(memory_limited(shell("f", "exec sleep 600"), 1));
  clock_.at += 4ms;
  EXPECT_EQ(attempts_.tick(), 1s);  // no memory is left to be checked
  attempts_.cancel("f", 1ms);       // it has been killed, so it gets no deadline
  EXPECT_EQ(attempts_.tick(), 1s);
  const auto ended = end();
  EXPECT_EQ(ended.kind, EndKind::memory);
  EXPECT_TRUE(ended.memory_of_tree);
  EXPECT_GT(ended.memory_peak, 1);
}

TEST_F(AttemptsTest, ATaskBelowItsLimitHasThePeakOfItsLargestProcess) {
  start(memory_limited(shell("f", "exec sleep 600"), std::uint64_t{1} << 40));
  clock_.at += 100ms;
  attempts_.tick();
  attempts_.cancel("f", 60s);
  const auto ended = end();
  EXPECT_EQ(ended.kind, EndKind::signalled);
  EXPECT_FALSE(ended.memory_of_tree);
}

// What a task leaves behind

/// Tasks start `daemon NAME`: a process in a session of its own that writes its pid to the file NAME.
class Leftovers : public AttemptsTest {
 protected:
  Leftovers() {
    EXPECT_TRUE(os::write_file(at("sleeper"), "echo $$ > $1; exec sleep 600\n"));
    EXPECT_TRUE(os::write_file(at("parent"), "setsid sh sleeper child & wait\n"));
  }
  /// A background process, with this command before it; the task continues when it runs.
  static std::string background(const std::string& command, const std::string& name) {
    return command + " sh sleeper " + name + " & while ! test -s " + name + "; do sleep 0.01; done; ";
  }
  static std::string daemon(const std::string& command, const std::string& name) {
    return background(command + " setsid", name);
  }
  /// Starts it, and waits until its main process has ended.
  void start_and_end(const Start& what) {
    const auto pid = start(what);
    wait_until([&] { return state_of(pid) == 'Z'; });
  }

  /// Without the mark, that is, and without the marker in the environment.
  static constexpr auto unmarked = "prlimit --rttime=unlimited:unlimited";
  static constexpr auto without_marker = "env -u SLUICE_ATTEMPT";
  static constexpr auto bare = "env -u SLUICE_ATTEMPT prlimit --rttime=unlimited:unlimited";
};

TEST_F(Leftovers, ATaskEndsWhenTheyAreGone) {
  start_and_end(shell("f", daemon("", "left")));
  attempts_.reap();
  EXPECT_TRUE(ended_.empty());
  EXPECT_EQ(attempts_.running(), 1U);
  wait_until([&] { return !is_alive(pid_in("left")); });
  attempts_.tick();  // which need not wait until it has been reaped
  EXPECT_EQ(ended_.size(), 1U);
}

TEST_F(Leftovers, AreLookedForAgainSoon) {
  start_and_end(shell("f", daemon("", "left")));
  attempts_.reap();
  const auto next = attempts_.tick();
  EXPECT_EQ(next.has_value(), ended_.empty());
  EXPECT_EQ(next.value_or(2ms), 2ms);
}

TEST_F(Leftovers, ATaskThatHasEndedIsNotCancelledMeanwhile) {
  start_and_end(shell("f", daemon("", "left")));
  attempts_.reap();
  ASSERT_EQ(attempts_.running(), 1U);  // they are not gone yet
  attempts_.cancel("f", 60s);
  EXPECT_FALSE(end().cancelled);
}

TEST_F(Leftovers, AreKilledWithTheirDescendants) {
  start_and_end(shell("f", "setsid sh parent & while ! test -s child; do sleep 0.01; done"));
  attempts_.reap();
  // In the same round: the child of a process that still lives is not an orphan.
  wait_until([&] { return !is_alive(pid_in("child")); });
  EXPECT_EQ(end().kind, EndKind::exited);
}

TEST_F(Leftovers, AreRecognizedByMarkMarkerOrSession) {
  const auto older = start(shell("older", "exec sleep 600"));
  start(
      shell("f", daemon(without_marker, "mark") + daemon(unmarked, "marker") + background(bare, "session")));
  EXPECT_EQ(end().kind, EndKind::exited);
  for (const auto* name : {"mark", "marker", "session"}) EXPECT_FALSE(is_alive(pid_in(name))) << name;
  EXPECT_TRUE(is_alive(older));
}

TEST_F(Leftovers, WithoutAnyOfTheseBelongToTheOnlyTask) {
  start(shell(
      "f", daemon(bare, "bare") + daemon("env SLUICE_ATTEMPT=unknown " + std::string(unmarked), "unknown")));
  EXPECT_EQ(end().kind, EndKind::exited);
  EXPECT_FALSE(is_alive(pid_in("bare")));
  EXPECT_FALSE(is_alive(pid_in("unknown")));
}

TEST_F(Leftovers, ThatAnOlderTaskMayHaveStartedAreLeftAlone) {
  start(shell("older", "(" + daemon(bare, "bare") + "); (" + daemon(without_marker, "mark") + "); (" +
                           daemon(unmarked, "marker") + "); exec sleep 600"));
  for (const auto* name : {"bare", "mark", "marker"}) EXPECT_GT(pid_in(name), 0);
  start(shell("f", "exit 3"));
  EXPECT_EQ(end().status, 3);
  for (const auto* name : {"bare", "mark", "marker"}) EXPECT_TRUE(is_alive(pid_in(name))) << name;
}

// A task that forks without end must not keep the supervisor from killing it.
TEST_F(Leftovers, AreReapedInPortions) {
  start(shell("f", "i=0; while test $i -lt 300; do (true &); i=$((i + 1)); done; exec sleep 600"));
  wait_until([] {
    const auto children = os::own_children();
    return std::ranges::count_if(children, [](pid_t pid) { return state_of(pid) == 'Z'; }) == 300;
  });
  attempts_.reap();
  EXPECT_EQ(os::own_children().size(), 301U - 256U);
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  EXPECT_EQ(os::own_children().size(), 1U);
}

// What the machine refuses

TEST_F(AttemptsTest, WhatCouldNotBeForkedMayBeStartedAgain) {
  const auto ended = with_refused_call(SYS_clone3, EPERM, [&] {
    auto what = shell("f", "echo ran");
    for (std::size_t i = 0; i <= running_max; ++i) {  // more often than there are reports
      const auto response = attempts_.start(what);
      const auto* refused = std::get_if<Ended>(&response);
      if (!refused || refused->kind != EndKind::not_started || refused->step != Step::fork ||
          refused->status != EPERM)
        return false;
    }
    what.mounts = {{.source = "/a", .target = "/b"}};
    return attempts_.start(what) == Response(MountsRefused{.fence = "f", .error = EPERM}) &&
           log_.begun().empty() && attempts_.running() == 0;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
}

// Too little memory to execute a program at all.
TEST_F(AttemptsTest, AnExecutionWithoutMemoryIsAnEndByMemoryOnlyIfThereIsALimit) {
  const auto kind_of = [](const Start& what, Attempts::Groups groups, AttemptLog& log, const Clock& clock) {
    std::optional<Ended> end;
    Attempts attempts(
        log, clock, std::move(groups), [&](const Ended& ended) { end = ended; }, [](const MountsRefused&) {});
    attempts.start(what);
    while (!end) attempts.reap();
    return end->kind;
  };
  const auto name = group_name();
  const auto ended = with_refused_call(SYS_execve, ENOMEM, [&] {
    auto what = shell("f", "");
    if (kind_of(what, {}, log_, clock_) != EndKind::not_started) return false;
    what = memory_limited(shell("watched", ""), std::uint64_t{1} << 30);
    if (kind_of(what, {}, log_, clock_) != EndKind::not_started) return false;
    auto groups = os::MemoryGroups::make(name);
    if (!groups) return true;
    what = memory_limited(shell("in a group", ""), std::uint64_t{1} << 30);
    return kind_of(what, {.parent = {}, .memory = std::move(groups)}, log_, clock_) == EndKind::memory;
  });
  if (ended == Refused::not_possible) return;
  EXPECT_EQ(ended, Refused::as_expected);
}

// Groups. There is nothing to see on a machine without them.

class Grouped : public AttemptsTest {
 protected:
  ~Grouped() override {
    if (!grouped_) return;
    grouped_->kill_all();
    wait_until([&] {
      grouped_->reap();
      return grouped_->running() == 0;
    });
  }
  void make(Attempts::Groups groups) {
    grouped_.emplace(
        log_, clock_, std::move(groups), [this](const Ended& ended) { ended_.push_back(ended); },
        [](const MountsRefused&) {});
  }
  Ended end_of_grouped() {
    wait_until([&] {
      grouped_->reap();
      return !ended_.empty();
    });
    return std::exchange(ended_, {}).front();
  }

  std::optional<Attempts> grouped_;
};

TEST_F(Grouped, AnEmptyGroupIsUsedAgainUnlessItWasKilled) {
  auto parent = os::CgroupParent::make(group_name(), false);
  if (!parent) return;
  make({.parent = std::move(parent), .memory = {}});
  const auto leaf_of = [&](const std::string& fence, const std::string& line) {
    EXPECT_TRUE(std::holds_alternative<Started>(grouped_->start(shell(fence, line))));
    return log_.begun().at(fence).leaf;
  };
  const auto first = leaf_of("a", "exit 0");
  end_of_grouped();
  EXPECT_EQ(leaf_of("b", "exec sleep 600"), first);
  grouped_->cancel("b", 0ms);
  end_of_grouped();
  const auto second = leaf_of("c", "exit 0");
  EXPECT_NE(second, first);
  EXPECT_FALSE(os::exists(first));
  end_of_grouped();
  EXPECT_EQ(leaf_of("d", "exit 0"), second);
}

TEST_F(Grouped, AreNotUsedIfTheyAcceptNoProcess) {
  auto parent = os::CgroupParent::make(group_name(), false);
  if (!parent) return;
  // No group beside a threaded one does.
  const auto threaded = test::value_of(parent->make_leaf("threaded"));
  if (!os::write_file(threaded.path() / "cgroup.type", "threaded")) return;
  make({.parent = std::move(parent), .memory = {}});
  EXPECT_TRUE(grouped_->cgroups());
  for (const auto* fence : {"a", "b"}) {
    EXPECT_TRUE(std::holds_alternative<Started>(grouped_->start(shell(fence, "exit 3"))));
    EXPECT_FALSE(grouped_->cgroups());
    EXPECT_EQ(end_of_grouped().status, 3);
  }
}

TEST_F(Grouped, TheMemoryOfAllProcessesOfAGroupCounts) {
  auto parent = os::CgroupParent::make(group_name(), false);
  if (!parent) return;
  make({.parent = std::move(parent), .memory = {}});
  // A daemon that could be one of the older task, if it were not in the group.
  grouped_->start(shell("older", "exec sleep 600"));
  ASSERT_OK(
      os::write_file(at("holder"), "x=$(head -c 20M /dev/zero | tr '\\0' x); echo $$ > held; sleep 600\n"));
  grouped_->start(memory_limited(
      shell("f", "env -u SLUICE_ATTEMPT setsid sh -c 'sh holder &'; exec sleep 600"), 10'000'000));
  EXPECT_GT(pid_in("held"), 0);
  clock_.at += 100ms;
  grouped_->tick();
  const auto ended = end_of_grouped();
  EXPECT_EQ(ended.fence, "f");
  EXPECT_EQ(ended.kind, EndKind::memory);
}

TEST_F(Grouped, MemoryIsWatchedIfNoGroupForItCanBeMade) {
  auto memory = os::MemoryGroups::make(group_name());
  if (!memory) return;
  const auto in_the_way = test::value_of(memory->make_group(std::to_string(getpid()) + "-0", 1 << 30));
  make({.parent = {}, .memory = std::move(memory)});
  grouped_->start(memory_limited(shell("f", "exec sleep 600"), 1));
  clock_.at += 4ms;
  grouped_->tick();
  EXPECT_EQ(end_of_grouped().kind, EndKind::memory);
}

TEST_F(Grouped, AMemoryGroupThatIsStillInUseIsRemovedLater) {
  auto memory = os::MemoryGroups::make(group_name());
  if (!memory) return;
  make({.parent = {}, .memory = std::move(memory)});
  const auto other = grouped_->start(shell("other", "exec sleep 600"));
  grouped_->start(memory_limited(shell("f", "exec sleep 600"), std::uint64_t{1} << 30));
  std::filesystem::path group;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  wait_until([&] {  // other groups appear and disappear meanwhile, which ends the search
    std::error_code gone;
    for (std::filesystem::recursive_directory_iterator it("/sys/fs/cgroup", options, gone), end; it != end;
         it.increment(gone))
      if (it->path().parent_path().filename() == group_name() && os::exists(it->path() / "tasks"))
        group = it->path();
    return !group.empty();
  });
  ASSERT_OK(os::write_file(group / "tasks", std::to_string(std::get<Started>(other).pid)));
  grouped_->cancel("f", 0ms);
  EXPECT_EQ(end_of_grouped().fence, "f");
  EXPECT_EQ(grouped_->tick(), 100ms);
  EXPECT_TRUE(os::exists(group));
  grouped_->cancel("other", 0ms);
  end_of_grouped();
  wait_until([&] { return !grouped_->tick(); });
  EXPECT_FALSE(os::exists(group));
}

}  // namespace
}  // namespace sluice::supervisor
