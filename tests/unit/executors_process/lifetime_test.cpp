// Restarts of servers and supervisors; attempts that are cancelled, lost, reattached, acknowledged.
#include "result_assertions.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

class Lifetime : public Stage {
 protected:
  [[nodiscard]] std::filesystem::path sandbox(const std::string& fence) const {
    return data() / "work" / ("task-" + fence);
  }
  [[nodiscard]] std::string mark(const std::string& name) const { return (data() / name).string(); }
  void wait_for(const std::string& name) {
    wait_until([&] { return os::read_file(data() / name).value_or("").ends_with('\n'); });
  }
  [[nodiscard]] pid_t pid_in(const std::string& name) {
    wait_for(name);
    return std::stoi(*os::read_file(data() / name));
  }
  /// Waits for `go`, then writes `o`.
  ports::Attempt waiting(const std::string& fence) {
    auto what = attempt(fence, {"sh", "-c",
                                "echo waiting; echo $$ >> " + mark("up") + "; while ! test -e " + mark("go") +
                                    "; do sleep 0.01; done; echo 5 > $0",
                                late({">>o"})});
    what.work.outputs = {value_output("o", ir::Type::Kind::integer)};
    return what;
  }
  void release() { ASSERT_TRUE(os::write_file(data() / "go", "")); }
  pid_t supervisor_pid() {
    const auto holder = *os::FileLock::holder_of(data() / "supervisor.lock");
    return std::stoi(holder->substr(holder->find("pid ") + 4));
  }
};

TEST_F(Lifetime, ARestartedServerReattachesWhatIsRunning) {
  executor().start(waiting("f"));
  wait_for("up");
  open();
  executor().start(waiting("f"));
  release();
  const auto outcome = outcomes().of("f");
  EXPECT_EQ(outcome.status, Outcome::Status::succeeded) << outcome.failure.message;
  EXPECT_EQ(*outcome.outputs.find("o"), Value(5));
  EXPECT_EQ(os::read_file(data() / "up")->find('\n') + 1,
            os::read_file(data() / "up")->size());  // it ran once
  EXPECT_EQ(outcomes().count(), 0U);
}

TEST_F(Lifetime, ARestartedServerFindsWhatHasEnded) {
  executor().start(waiting("f"));
  wait_for("up");
  open();  // the one before is gone while it ends
  release();
  const auto pid = pid_in("up");
  wait_until([&] { return !is_alive(pid); });
  executor().start(waiting("f"));
  EXPECT_EQ(*outcomes().of("f").outputs.find("o"), Value(5));
}

TEST_F(Lifetime, AnOutcomeIsReportedAgainUntilItIsSettled) {
  release();
  EXPECT_EQ(*run(waiting("f")).outputs.find("o"), Value(5));
  EXPECT_TRUE(os::exists(sandbox("f")));
  EXPECT_EQ(*run(waiting("f")).outputs.find("o"), Value(5));
  open();
  EXPECT_EQ(*run(waiting("f")).outputs.find("o"), Value(5));
  EXPECT_EQ(os::read_file(data() / "up")->find('\n') + 1, os::read_file(data() / "up")->size());

  executor().acknowledge({"f"});
  wait_until([&] { return !os::exists(sandbox("f")); });
  EXPECT_TRUE(os::exists(executor().log_of({"run"}, "f", 1)));
  const auto after = run(waiting("f"));
  EXPECT_EQ(after.status, Outcome::Status::lost);
  EXPECT_EQ(after.failure.message, "it finished earlier and its result is no longer available");
}

TEST_F(Lifetime, UnrequestedEndsAreForgottenOnceAllAreReattached) {
  release();
  for (const auto* fence : {"stored", "asked", "open"}) run(waiting(fence));
  open();
  executor().start(waiting("asked"));
  EXPECT_EQ(*outcomes().of("asked").outputs.find("o"), Value(5));
  executor().start(waiting("open"));
  executor().all_reattached();
  wait_until([&] { return !os::exists(sandbox("stored")); });
  EXPECT_EQ(*outcomes().of("open").outputs.find("o"), Value(5));
  EXPECT_TRUE(os::exists(sandbox("asked"))) << "its outcome is not stored yet";
  EXPECT_TRUE(os::exists(sandbox("open")));
  EXPECT_EQ(run(waiting("stored")).status, Outcome::Status::lost);
  EXPECT_EQ(*run(waiting("asked")).outputs.find("o"), Value(5));
}

TEST_F(Lifetime, EachStartGetsOneOutcome) {
  executor().start(waiting("f"));
  executor().start(waiting("f"));
  wait_for("up");
  executor().start(waiting("f"));
  release();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*outcomes().of("f").outputs.find("o"), Value(5));
  EXPECT_EQ(outcomes().count(), 0U);
}

TEST_F(Lifetime, AKilledSupervisorLosesWhatItRan) {
  executor().start(waiting("f"));
  const auto task = pid_in("up");
  kill(supervisor_pid(), SIGKILL);
  const auto outcome = outcomes().of("f");
  EXPECT_EQ(outcome.status, Outcome::Status::lost);
  EXPECT_EQ(outcome.failure.kind, "lost");
  EXPECT_EQ(outcome.failure.message, "its supervisor died while it ran");
  EXPECT_FALSE(is_alive(task));
  release();
  EXPECT_EQ(run(waiting("next")).status, Outcome::Status::succeeded);
}

TEST_F(Lifetime, ASupervisorThatDiesUnusedIsReplaced) {
  EXPECT_EQ(run(attempt("f", {"true"})).status, Outcome::Status::succeeded);
  kill(supervisor_pid(), SIGKILL);
  for (int i = 0; i < 20; ++i)
    EXPECT_NE(run(attempt("g" + std::to_string(i), {"true"})).status, Outcome::Status::failed);
  EXPECT_EQ(run(attempt("h", {"true"})).status, Outcome::Status::succeeded);
}

TEST_F(Lifetime, CancellingEndsATask) {
  executor().start(attempt("f", {"sh", "-c", "echo > " + mark("up") + "; sleep 60"}));
  wait_for("up");
  executor().cancel({"f"});
  const auto outcome = outcomes().of("f");
  EXPECT_EQ(outcome.status, Outcome::Status::cancelled);
  EXPECT_EQ(outcome.failure.kind, "cancelled");
  executor().cancel({"f"});
  executor().cancel({"nothing"});
}

// Whatever its stage: it ends as cancelled, or had ended before.
TEST_F(Lifetime, CancellingAtAnyMomentEndsATask) {
  for (int i = 0; i < 50; ++i) {
    const auto fence = "f" + std::to_string(i);
    executor().start(attempt(fence, {"sleep", "60"}));
    std::this_thread::sleep_for(std::chrono::microseconds(100 * i));
    executor().cancel({fence});
  }
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(outcomes().of("f" + std::to_string(i)).status, Outcome::Status::cancelled);
}

TEST_F(Lifetime, ADaemonDoesNotOutliveItsTask) {
  EXPECT_EQ(
      run(shell("f", "setsid sh -c 'sh -c \"echo \\$\\$ > " + mark("daemon") +
                         "; exec sleep 60\" &'; while ! test -s " + mark("daemon") + "; do sleep 0.01; done"))
          .status,
      Outcome::Status::succeeded);
  EXPECT_FALSE(is_alive(pid_in("daemon")));
}

TEST_F(Lifetime, AHundredAtOnceAllEnd) {
  for (int i = 0; i < 100; ++i) {
    auto what =
        attempt("f" + std::to_string(i), {"sh", "-c", "echo " + std::to_string(i) + " > $0", late({">>o"})});
    what.path = "each[" + std::to_string(i) + "]";
    what.work.outputs = {value_output("o", ir::Type::Kind::integer)};
    executor().start(what);
  }
  for (int i = 0; i < 100; ++i) {
    const auto outcome = outcomes().of("f" + std::to_string(i));
    ASSERT_EQ(outcome.status, Outcome::Status::succeeded) << outcome.failure.message;
    EXPECT_EQ(*outcome.outputs.find("o"), Value(i));
  }
}

TEST_F(Lifetime, FoldersOfUnknownAttemptsAreRemoved) {
  executor().start(waiting("kept"));
  wait_for("up");
  ASSERT_OK(os::make_directories(sandbox("left") / "cwd"));
  ASSERT_OK(os::make_directories(data() / "work/service-x"));
  open();
  EXPECT_EQ(run(attempt("f", {"true"})).status, Outcome::Status::succeeded);
  EXPECT_FALSE(os::exists(sandbox("left")));
  EXPECT_TRUE(os::exists(sandbox("kept")));
  EXPECT_TRUE(os::exists(data() / "work/service-x"));  // belongs to another executor
}

// An unchanged folder is reused for another attempt: nothing of the one before may be in it.
TEST_F(Lifetime, AFolderThatIsUsedAgainIsEmpty) {
  const std::vector<std::string> lines{"true",          "touch a",         "touch .a",
                                       "touch $HOME/a", "touch $TMPDIR/a", "mkdir ../more",
                                       "rmdir $TMPDIR", "chmod 700 .",     "true"};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto fence = "f" + std::to_string(i);
    EXPECT_EQ(run(shell(fence, lines[i])).status, Outcome::Status::succeeded);
    executor().acknowledge({fence});
    wait_until([&] { return !os::exists(sandbox(fence)); });
    EXPECT_EQ(
        printed(shell("look" + std::to_string(i), "cd ..; ls -A . cwd home tmp; stat -c %a cwd home tmp")),
        ".:\ncwd\nhome\ntmp\n\ncwd:\n\nhome:\n\ntmp:\n755\n755\n755\n");
    executor().acknowledge({"look" + std::to_string(i)});
  }
}

TEST_F(Lifetime, AnIncompleteSandboxIsReplaced) {
  ASSERT_OK(os::make_directories(sandbox("f") / "cwd/old"));
  EXPECT_EQ(printed(shell("f", "ls | wc -l")), "0\n");
}

}  // namespace
}  // namespace sluice::executors
