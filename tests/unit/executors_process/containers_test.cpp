// What the executor asks of a container engine, and when. The engine here runs the command itself, in the
// folder that a container would see; the tests with a real one are tests/system/test_containers.py.
#include <algorithm>

#include "result_assertions.hpp"
#include "sluice/executors/process/programs.hpp"
#include "stage.hpp"

namespace sluice::executors {
namespace {

class Engine final : public ports::Containers {
 public:
  Result<std::string> resolve(const std::string&) override { return "sha256:00"; }
  Result<Command> command(const Container& container) override {
    note("command " + container.fence);
    const std::lock_guard lock(mutex_);
    last_ = container;
    return Command{.program = "/bin/sh", .argv = container.command, .env = container.env};
  }
  Result<void> remove(const std::string& fence) override { return removed("remove " + fence); }
  Result<void> remove_all(const std::string& task) override { return removed("remove_all " + task); }
  [[nodiscard]] std::optional<std::string> problem(int status, std::string_view output) const override {
    return status == 125 ? std::optional("it says: " + std::string(output)) : std::nullopt;
  }

  void break_down() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  Container last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(what));
  }
  Result<void> removed(std::string what) {
    note(std::move(what));
    const std::lock_guard lock(mutex_);
    return broken_ ? Result<void>(Fail(environment_error(Code::unavailable, "the engine is stuck")))
                   : Result<void>();
  }

  std::mutex mutex_;
  std::vector<std::string> asked_;
  Container last_;
  bool broken_ = false;
};

class Containers : public Stage {
 protected:
  Containers() { open(test::release_program("sluice-supervisor"), {.containers = &engine_}); }
  ~Containers() override { open(); }  // before the engine is gone

  static ports::Attempt container(const std::string& fence, const Value& line, int number = 1) {
    auto made = shell(fence, line);
    made.work.kind = engine::TaskSpec::Kind::container;
    made.work.image = "sha256:00";
    made.number = number;
    made.path = "work";
    return made;
  }
  using Asked = std::vector<std::string>;

  Engine engine_;
};

TEST_F(Containers, OneThatSucceedsNeedsNothingRemoved) {
  EXPECT_EQ(run(container("a", "true")).status, Outcome::Status::succeeded);
  EXPECT_EQ(engine_.asked(), (Asked{"command a"}));
}

TEST_F(Containers, AnyOtherEndIsSeenToBeforeItIsReported) {
  EXPECT_EQ(run(container("a", "exit 3")).failure.message, "exit status 3");
  EXPECT_EQ(engine_.asked(), (Asked{"command a", "remove a"}));
  const auto killed = run(container("b", "kill -KILL $$"));
  EXPECT_EQ(killed.failure.message, "the command of the container engine was ended by signal 9 (Killed)");
  EXPECT_EQ(engine_.asked().back(), "remove b");
  const auto refused = run(container("c", "echo no; exit 125"));
  EXPECT_EQ(refused.failure.kind, "start");
  EXPECT_EQ(refused.failure.message, "it says: no");
}

TEST_F(Containers, ACancelledOneIsRemoved) {
  const auto attempt = container("a", "echo > ready; sleep 600");
  executor().start(attempt);
  wait_until([&] { return os::exists(data() / "work/task-a/cwd/ready"); });
  executor().cancel({"a"});
  EXPECT_EQ(outcomes().of("a").status, Outcome::Status::cancelled);
  EXPECT_EQ(engine_.asked(), (Asked{"command a", "remove a"}));
}

TEST_F(Containers, ALostOneIsRemoved) {
  executor().start(container("a", "echo > ready; sleep 600"));
  wait_until([&] { return os::exists(data() / "work/task-a/cwd/ready"); });
  kill(supervisor_pid(), SIGKILL);
  EXPECT_EQ(outcomes().of("a").status, Outcome::Status::lost);
  EXPECT_EQ(engine_.asked(), (Asked{"command a", "remove a"}));
}

TEST_F(Containers, OneThatCannotBeRemovedIsNotTriedAgainByItself) {
  engine_.break_down();
  executor().start(container("a", "echo > ready; sleep 600"));
  wait_until([&] { return os::exists(data() / "work/task-a/cwd/ready"); });
  kill(supervisor_pid(), SIGKILL);
  const auto outcome = outcomes().of("a");
  EXPECT_EQ(outcome.status, Outcome::Status::failed);
  EXPECT_EQ(outcome.failure.kind, "container");
  EXPECT_EQ(outcome.failure.message,
            "it ended (its supervisor died while it ran), and may still run: the engine is stuck");
}

TEST_F(Containers, ALaterAttemptRemovesWhatEarlierOnesLeft) {
  EXPECT_EQ(run(container("b", "true", 2)).status, Outcome::Status::succeeded);
  EXPECT_EQ(engine_.asked(), (Asked{"remove_all run/work", "command b"}));
  engine_.break_down();
  const auto outcome = run(container("c", "true", 3));
  EXPECT_EQ(outcome.failure.kind, "container");
  EXPECT_EQ(outcome.failure.message, "an earlier attempt may still run: the engine is stuck");
  EXPECT_EQ(engine_.asked().back(), "remove_all run/work") << "it was not started";
}

TEST_F(Containers, SeesItsFolderAtAFixedPlace) {
  auto attempt = container("a", "true");
  attempt.work.args = {late({">>o"}), file("small", "a.txt"), file(std::string(3 << 20, 'x')), "text"};
  attempt.work.outputs = {value_output("o", ir::Type::Kind::integer)};
  attempt.work.outputs.front().optional = true;
  attempt.work.resources.memory = 1000;
  attempt.work.cpu_max = 500;
  EXPECT_EQ(run(attempt).status, Outcome::Status::succeeded);
  const auto made = engine_.last();
  EXPECT_EQ(made.args, (Asked{"/sluice/out/o", "/sluice/in/0.txt", "/sluice/in/1", "text"}));
  EXPECT_EQ(made.cwd, "/sluice/cwd");
  EXPECT_EQ(made.memory_max, 1000);
  EXPECT_EQ(made.cpu_max, 500);
  const auto root = (data() / "work/task-a").string();
  ASSERT_EQ(made.mounts.size(), 3U);
  EXPECT_EQ(made.mounts[0].source + " " + made.mounts[0].target, root + " /sluice");
  EXPECT_EQ(made.mounts[1].source + " " + made.mounts[1].target, root + "/in /sluice/in");
  EXPECT_EQ(made.mounts[2].target, "/sluice/in/1");
  EXPECT_TRUE(made.mounts[0].writable);
  EXPECT_FALSE(made.mounts[1].writable || made.mounts[2].writable);
  const Asked expected{"SLUICE_RUN=run", "SLUICE_TASK=work", "SLUICE_ATTEMPT=a",
                       "SLUICE_PROGRESS=/sluice/progress"};
  EXPECT_EQ(made.env, expected) << "and nothing of this machine";
}

TEST_F(Containers, ItsEnvironmentIsItsImage) {
  const auto environment = executor().environment(container("a", "true").work);
  ASSERT_OK(environment);
  EXPECT_EQ(to_json(*environment), R"({"pinned":true,"image":"sha256:00"})");
  auto unknown = container("a", "true").work;
  unknown.image.clear();
  EXPECT_FALSE(executor().environment(unknown)) << "not cached";
}

TEST_F(Containers, WithoutAnEngineItFails) {
  open();
  EXPECT_EQ(run(container("a", "true")).failure.message, "containers are not supported here");
}

}  // namespace
}  // namespace sluice::executors
