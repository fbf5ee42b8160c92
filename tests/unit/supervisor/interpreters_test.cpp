// Warm interpreters with a real Python, and what the supervisor makes of their forks.
#include "sluice/supervisor/interpreters.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <signal.h>

#include "attempts_fixture.hpp"

namespace sluice::supervisor {
namespace {

constexpr char runner[] = {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#embed "../../../src/sluice/executors/process/call_function.py"
#pragma clang diagnostic pop
    , '\0'};

class InterpretersTest : public AttemptsTest {
 protected:
  /// An attempt that calls `work.run()`, by the fork of a branch that has imported `imported` from a folder
  /// of the test.
  [[nodiscard]] Start call(const std::string& fence, const std::vector<std::string>& imported,
                           const std::string& variable = "A=1") const {
    const std::vector<std::string> env = {"PATH=/usr/bin:/bin", "PYTHONPATH=" + at("packages").string()};
    Start start{.fence = fence,
                .program = "/usr/bin/python3",
                .argv = {"python3", "-c", runner, "call", at("call.json").string()},
                .env = env,
                .cwd = at("code").string(),
                .log = at(fence + ".log").string(),
                .branch = Branch{.of = {.argv = {"python3", "-c", runner, "wait"}, .env = env, .mounts = {}},
                                 .env = {},
                                 .modules = imported}};
    start.env.push_back(variable);
    start.branch->env = start.env;
    return start;
  }
  /// The same of an environment of its own.
  [[nodiscard]] Start call_in(const std::string& environment, const std::string& fence) const {
    auto start = call(fence, {"nothing"});
    start.branch->of.env.push_back("PYTHONENVIRONMENT=" + environment);
    return start;
  }
  void write(const std::string& name, const std::string& text) const {
    ASSERT_OK(os::make_directories(at(name).parent_path()));
    ASSERT_OK(os::write_file(at(name), text));
  }
  void SetUp() override {
    write("call.json", R"({"module": "work", "function": "run", "with": {}, "results": []})");
    write("code/work.py",
          "import os\ndef run(): open('ran', 'a').write(f'{os.getpid()} {os.getppid()} {os.getsid(0)} "
          "{os.umask(0)}\\n')\n");
    write("packages/nothing.py", "");
  }
  [[nodiscard]] std::string ran() const { return os::read_file(at("code/ran")).value_or(""); }
  /// Children that lead a session: interpreters, and forks that have an attempt.
  static std::size_t leaders() {
    return static_cast<std::size_t>(std::ranges::count_if(
        os::own_children(), [](pid_t pid) { return getsid(pid) == pid && is_alive(pid); }));
  }
  /// The child that was started first.
  static pid_t interpreter() {
    return std::ranges::min(os::own_children(), {}, [](pid_t pid) {
      const auto info = os::process_info(pid);
      return info ? info->started : SIZE_MAX;
    });
  }
  /// Forks that nobody has asked for yet.
  static std::vector<pid_t> waiting() {
    auto children = os::own_children();
    std::erase_if(children, [](pid_t pid) {
      const auto session = getsid(pid);
      return session == pid || session == getsid(0) || !is_alive(pid);
    });
    return children;
  }
  void wait_for_leaders(std::size_t count) {
    wait_until([&] {
      attempts_.reap();
      return leaders() == count;
    });
  }
  void wait_until_all_have_ended() {
    wait_until([&] {
      attempts_.reap();
      return os::own_children().empty();
    });
  }
};

TEST_F(InterpretersTest, AForkRunsTheAttemptAsAChildOfTheSupervisor) {
  EXPECT_EQ(start(call("f", {"nothing"})), 0);
  EXPECT_EQ(attempts_.running(), 1U);
  const auto ended = end();
  EXPECT_EQ(ended.warm, Warm::forked) << os::read_file(at("f.log")).value_or("");
  EXPECT_EQ(ended.kind, EndKind::exited);
  EXPECT_EQ(ended.status, 0);
  std::istringstream words(ran());
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  int mask = 0;
  words >> pid >> parent >> session >> mask;
  EXPECT_EQ(parent, getpid());
  EXPECT_EQ(session, pid);
  EXPECT_EQ(mask, 022);
  EXPECT_EQ(log_.begun().size(), 0U);
}

TEST_F(InterpretersTest, OneOfAnEnvironmentHasABranchForAllThatAskForAnEqualOne) {
  const auto interpreter_and = [](std::size_t branches) { return 1 + branches; };
  for (const auto* fence : {"a", "b", "c"}) {
    start(call(fence, {"nothing"}));
    EXPECT_EQ(end().warm, Warm::forked);
  }
  EXPECT_EQ(leaders(), interpreter_and(1));
  start(call("d", {}));
  EXPECT_EQ(end().warm, Warm::forked);
  EXPECT_EQ(leaders(), interpreter_and(2));
  start(call("e", {}, "A=2"));
  EXPECT_EQ(end().warm, Warm::forked);
  EXPECT_EQ(leaders(), interpreter_and(3));
}

TEST_F(InterpretersTest, ABranchHasItsVariablesAndModulesAndNoOthers) {
  write("packages/kept.py", "import os\nvariable = os.environ['A']\n");
  write("code/work.py",
        "import os, sys\ndef run():\n  kept = sys.modules.get('kept')\n"
        "  open('ran', 'a').write(f'{kept and kept.variable} {os.environ[\"A\"]}\\n')\n");
  start(call("a", {"kept"}, "A=1"));
  EXPECT_EQ(end().warm, Warm::forked);
  start(call("b", {"kept"}, "A=2"));
  EXPECT_EQ(end().warm, Warm::forked);
  start(call("c", {}, "A=3"));
  EXPECT_EQ(end().warm, Warm::forked);
  EXPECT_EQ(ran(), "1 1\n2 2\nNone 3\n");
}

TEST_F(InterpretersTest, ManyAttemptsAtOnceEachGetAForkOrAProcess) {
  constexpr int count = 40;
  for (int i = 0; i < count; ++i) start(call("f" + std::to_string(i), {"nothing"}));
  wait_until([&] {
    attempts_.handle_interpreters();
    attempts_.reap();
    return ended_.size() == count;
  });
  EXPECT_EQ(ended_.size(), static_cast<std::size_t>(count));
  for (const auto& ended : ended_) EXPECT_EQ(ended.status, 0) << ended.fence;
  EXPECT_EQ(std::ranges::count(ran(), '\n'), count);
  ended_.clear();
}

TEST_F(InterpretersTest, ThereAreFourAtMostAndTheOldestIdleOneEnds) {
  for (int i = 0; i < 7; ++i) {
    start(call_in(std::to_string(i), "f" + std::to_string(i)));
    EXPECT_EQ(end().warm, Warm::forked);
    wait_for_leaders(2 * std::min<std::size_t>(static_cast<std::size_t>(i) + 1, interpreters_max));
  }
}

TEST_F(InterpretersTest, BranchesAreEightAtMostAndTheOldestIdleOneEnds) {
  for (int i = 0; i < 11; ++i) {
    start(call("f" + std::to_string(i), {}, "N=" + std::to_string(i)));
    EXPECT_EQ(end().warm, Warm::forked);
    wait_for_leaders(1 + std::min<std::size_t>(static_cast<std::size_t>(i) + 1, branches_max));
  }
}

TEST_F(InterpretersTest, BranchesOutliveTheirInterpreter) {
  start(call("f", {"nothing"}));
  EXPECT_EQ(end().warm, Warm::forked);
  kill(interpreter(), SIGKILL);
  wait_for_leaders(1);
  start(call("g", {"nothing"}));
  EXPECT_EQ(end().warm, Warm::forked);
  start(call("h", {}));
  EXPECT_EQ(end().warm, Warm::no_fork);
  clock_.at += interpreter_idle_max;
  attempts_.tick();
  wait_until_all_have_ended();
  start(call("i", {}));
  EXPECT_EQ(end().warm, Warm::forked);
}

TEST_F(InterpretersTest, OneThatHangsAtItsStartIsKilledAfterTwoMinutes) {
  write("packages/sitecustomize.py", "import sys, time\nif sys.argv[-1] == 'wait': time.sleep(600)\n");
  start(call("f", {}));
  clock_.at += fork_wait_max;
  attempts_.tick();
  const auto ended = end();
  EXPECT_EQ(ended.warm, Warm::no_fork);
  EXPECT_EQ(ended.status, 0) << os::read_file(at("f.log")).value_or("");
  wait_until_all_have_ended();
}

TEST_F(InterpretersTest, AnIdleOneEndsAfterAMinute) {
  start(call("f", {}));
  EXPECT_EQ(end().warm, Warm::forked);
  const auto due = attempts_.tick();
  ASSERT_TRUE(due);
  EXPECT_LE(*due, interpreter_idle_max);
  clock_.at += interpreter_idle_max - 1s;
  attempts_.tick();
  EXPECT_EQ(leaders(), 2U);  // an interpreter and its branch
  clock_.at += 1s;
  EXPECT_EQ(attempts_.tick(), std::nullopt);
  wait_until_all_have_ended();
}

TEST_F(InterpretersTest, OneWithASecondThreadIsNotForked) {
  write("packages/threaded.py",
        "import threading, time\nthreading.Thread(target=time.sleep, args=[60], daemon=True).start()\n");
  for (const auto* fence : {"f", "g"}) {
    start(call(fence, {"threaded"}));
    const auto ended = end();
    EXPECT_EQ(ended.warm, Warm::threads);
    EXPECT_EQ(ended.status, 0) << os::read_file(at("f.log")).value_or("");
  }
  wait_for_leaders(1);  // the interpreter
  EXPECT_EQ(std::ranges::count(ran(), '\n'), 2);
}

TEST_F(InterpretersTest, OneThatDiesInItsImportsIsDoneWithout) {
  write("packages/deadly.py", "import os\nos._exit(3)\n");
  for (const auto* fence : {"f", "g"}) {
    start(call(fence, {"deadly"}));
    const auto ended = end();
    EXPECT_EQ(ended.warm, Warm::no_fork);
    EXPECT_EQ(ended.status, 0);
  }
  EXPECT_EQ(std::ranges::count(ran(), '\n'), 2);
  write("packages/deadly.py", "");
  clock_.at += interpreter_idle_max;
  attempts_.tick();
  start(call("h", {"deadly"}));
  EXPECT_EQ(end().warm, Warm::forked);
}

TEST_F(InterpretersTest, OneThatHangsInItsImportsIsKilledAfterTwoMinutes) {
  write("packages/hanging.py", "import time\ntime.sleep(600)\n");
  start(call("f", {"hanging"}));
  clock_.at += fork_wait_max;
  attempts_.tick();
  const auto ended = end();
  EXPECT_EQ(ended.warm, Warm::no_fork);
  EXPECT_EQ(ended.status, 0);
  wait_until_all_have_ended();
}

TEST_F(InterpretersTest, AnAttemptThatIsCancelledBeforeTheForkNeverRuns) {
  write("packages/hanging.py", "import time\nwhile not __import__('os').path.exists('" + at("go").string() +
                                   "'): time.sleep(0.01)\n");
  start(call("f", {"hanging"}));
  attempts_.cancel("f", 5s);
  const auto ended = end();
  EXPECT_TRUE(ended.cancelled);
  EXPECT_EQ(ended.kind, EndKind::signalled);
  EXPECT_EQ(attempts_.running(), 0U);
  write("go", "");
  start(call("g", {"hanging"}));  // by then the interpreter has seen the question that was given up
  EXPECT_EQ(end().warm, Warm::forked);
  EXPECT_EQ(std::ranges::count(ran(), '\n'), 1);
}

TEST_F(InterpretersTest, AForkOutlivesItsInterpreter) {
  write("code/work.py",
        "import os, time\ndef run():\n  print('here', flush=True)\n  while not os.path.exists('../go'): "
        "time.sleep(0.01)\n");
  start(call("f", {}));
  wait_until([&] {
    attempts_.handle_interpreters();
    return os::read_file(at("f.log")).value_or("") == "here\n";
  });
  clock_.at += interpreter_idle_max;
  attempts_.tick();
  wait_for_leaders(1);  // the fork
  write("go", "");
  const auto ended = end();
  EXPECT_EQ(ended.warm, Warm::forked);
  EXPECT_EQ(ended.status, 0);
}

TEST_F(InterpretersTest, AForkThatIsKilledWhileItWaitsIsDoneWithout) {
  start(call("f", {"nothing"}));
  EXPECT_EQ(end().warm, Warm::forked);
  wait_until([] { return waiting().size() == 2; });  // of the interpreter and of its branch
  for (const auto pid : waiting()) kill(pid, SIGKILL);
  wait_until_all_have_ended();
  start(call("g", {"nothing"}));
  const auto ended = end();
  EXPECT_EQ(ended.warm, Warm::no_fork);
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(std::ranges::count(ran(), '\n'), 2);
}

TEST_F(InterpretersTest, AllThatIsLeftIsEndedWithoutACancel) {
  write("packages/hanging.py", "import time\ntime.sleep(600)\n");
  start(call("f", {"hanging"}));
  attempts_.kill_all();
  const auto ended = end();
  EXPECT_FALSE(ended.cancelled);
  EXPECT_EQ(ended.kind, EndKind::signalled);
}

}  // namespace
}  // namespace sluice::supervisor
