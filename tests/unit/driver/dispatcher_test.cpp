// What the dispatcher tells the executors, and when: after the events that lead to it were stored.
#include "sluice/driver/dispatcher.hpp"

#include <memory>
#include <string>
#include <vector>

#include "stage.hpp"

namespace sluice::test {
namespace {

using engine::Outcome;
using testing::ElementsAre;
using testing::IsEmpty;

/// Runs nothing, and notes what it is asked for.
class NotingExecutor final : public ports::Executor {
 public:
  Result<Value> environment(const engine::TaskSpec&) override { return Value(); }
  void start(const ports::Attempt& attempt) override { started.push_back(attempt); }
  void cancel(const Fence&) override {}
  void abandon(const Fence& fence) override { abandoned.push_back(fence.text); }
  void acknowledge(const Fence& fence) override { acknowledged.push_back(fence.text); }
  void all_reattached() override { ++reattached; }
  [[nodiscard]] std::filesystem::path log_of(const RunId&, const std::string&, int) const override {
    return {};
  }

  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& attempt : started) out.push_back(attempt.path);
    return out;
  }

  std::vector<ports::Attempt> started;
  std::vector<std::string> abandoned;
  std::vector<std::string> acknowledged;
  int reattached = 0;
};

/// The run that would be blamed if the process died now.
class Blamed final : public ports::DecisionNote {
 public:
  void begin(const RunId& run) override { now = run.text; }
  void end() override { now.clear(); }
  std::string now;
};

/// A dispatcher without a thread. Tasks are not cached, so no worker is needed.
struct Dispatching {
  explicit Dispatching(Stage& stage, driver::Capacity slots = {})
      : stage(stage),
        dispatcher({.journal = stage.journal_port,
                    .index = *stage.ledger,
                    .objects = *stage.objects,
                    .clock = stage.clock,
                    .services = stage.signatures,
                    .note = &note,
                    .slots = std::move(slots)}) {
    EXPECT_OK(dispatcher.set_executors({{engine::TaskSpec::Kind::process, &executor},
                                        {engine::TaskSpec::Kind::container, &executor},
                                        {engine::TaskSpec::Kind::service, &other}}));
  }

  /// `tasks` are the operations of `main`, one per line.
  void start(const std::string& tasks) {
    const auto plan = stage.plan("sluice: 1\npipelines:\n  main:\n    graph:\n" + tasks);
    EXPECT_OK(dispatcher.start({.run = {"r1"},
                                .name = "plan.yaml",
                                .pipeline = "main",
                                .plan = ir::print_plan(*plan),
                                .cache = false,
                                .at = stage.clock.now()},
                               plan));
    step();
  }
  void step() {
    dispatcher.advance();
    dispatcher.store_and_carry_out();
  }
  /// Ends the attempt that was started as the `number`-th, from 0.
  void end(std::size_t number, Outcome::Status status = Outcome::Status::succeeded) {
    dispatcher.ended(executor.started.at(number).fence, {.status = status, .failure = {.kind = "lost"}});
    step();
  }

  Stage& stage;
  Blamed note;
  NotingExecutor executor;
  NotingExecutor other;
  driver::Dispatcher dispatcher;
};

constexpr auto two_tasks = "      a: {process: [run, a]}\n      b: {process: [run, b]}\n";

TEST(Dispatcher, AcknowledgesAnOutcomeOnceItIsStored) {
  Stage stage;
  Dispatching now(stage);
  now.start(two_tasks);
  ASSERT_THAT(now.executor.paths(), ElementsAre("a", "b"));
  stage.journal_port.full = true;
  now.end(0);
  EXPECT_THAT(now.executor.acknowledged, IsEmpty());
  stage.journal_port.full = false;
  wait_until([&] {
    now.step();
    return !now.executor.acknowledged.empty();
  });
  EXPECT_THAT(now.executor.acknowledged, ElementsAre(now.executor.started[0].fence.text));
}

TEST(Dispatcher, ARunWhoseEventsExhaustMemoryIsBlamed) {
  Stage stage;
  Dispatching now(stage);
  now.start(two_tasks);
  EXPECT_EQ(now.note.now, "");
  stage.journal_port.no_memory = true;
  EXPECT_THROW(now.end(0), std::bad_alloc);
  EXPECT_EQ(now.note.now, "r1");
}

TEST(Dispatcher, ReportsThatAllIsReattachedOnceEveryRunIsClaimed) {
  Stage stage;
  Dispatching before(stage);
  before.start(two_tasks);
  EXPECT_EQ(before.executor.reattached, 0);

  Dispatching now(stage);
  now.dispatcher.begin_resuming();
  EXPECT_OK(now.dispatcher.resume({"r1"}));
  now.dispatcher.end_resuming(true);
  EXPECT_EQ(now.executor.reattached, 0);
  EXPECT_THAT(now.executor.started, IsEmpty());
  now.step();
  EXPECT_THAT(now.executor.paths(), ElementsAre("a", "b"));
  EXPECT_EQ(now.executor.started[1].fence, before.executor.started[1].fence);
  EXPECT_EQ(now.executor.reattached, 1);
  now.step();
  EXPECT_EQ(now.executor.reattached, 1);
}

TEST(Dispatcher, ReportsAtOnceIfThereIsNothingToReattach) {
  Stage stage;
  Dispatching now(stage);
  now.dispatcher.begin_resuming();
  now.dispatcher.end_resuming(false);
  EXPECT_EQ(now.executor.reattached, 0);  // some runs could not be resumed
  now.dispatcher.end_resuming(true);
  EXPECT_EQ(now.executor.reattached, 1);
}

TEST(Dispatcher, GrantsNoDeviceBeforeAllRunsAreResumed) {
  Stage stage;
  Dispatching now(stage, {.gpu = 1});
  now.dispatcher.begin_resuming();
  now.start("      t: {process: [run], resources: {gpu: 1}}\n");
  EXPECT_THAT(now.executor.started, IsEmpty());
  now.dispatcher.end_resuming(true);
  now.step();
  ASSERT_THAT(now.executor.paths(), ElementsAre("t"));
  EXPECT_THAT(now.executor.started[0].work.gpus, ElementsAre(0));
}

TEST(Dispatcher, TheAttemptAfterALostOneKeepsItsSlots) {
  Stage stage;
  Dispatching now(stage, {.cpu = 1'000});
  now.start(two_tasks);
  ASSERT_THAT(now.executor.paths(), ElementsAre("a"));
  now.end(0, Outcome::Status::lost);
  EXPECT_THAT(now.executor.paths(), ElementsAre("a", "a"));
  now.end(1);
  EXPECT_THAT(now.executor.paths(), ElementsAre("a", "a", "b"));
}

TEST(Dispatcher, AbandonsTheAttemptsOfARunThatAnotherHasClaimed) {
  Stage stage;
  Dispatching before(stage);
  before.start(two_tasks);
  Dispatching now(stage);
  EXPECT_OK(now.dispatcher.resume({"r1"}));
  now.step();
  before.end(0);
  EXPECT_THAT(before.executor.abandoned, ElementsAre(before.executor.started[1].fence.text));
  EXPECT_FALSE(before.dispatcher.is_running({"r1"}));
  EXPECT_TRUE(now.dispatcher.is_running({"r1"}));
}

TEST(Dispatcher, ARunThatWasSetAsideIsShownAsRunningAgain) {
  Stage stage;
  Dispatching before(stage);
  before.start(two_tasks);
  auto row = stage.row("r1");
  row.status = "set_aside";
  const auto next = value_of(stage.ledger->length({"r1"}));
  ASSERT_OK(
      stage.ledger->append({{.run = {"r1"}, .expected_next = next, .events = {}, .row = row, .cache = {}}},
                           ports::Durability::process));
  ASSERT_EQ(stage.row("r1").status, "set_aside");
  Dispatching now(stage);
  EXPECT_OK(now.dispatcher.resume({"r1"}));
  now.step();
  EXPECT_EQ(stage.row("r1").status, "running");
}

}  // namespace
}  // namespace sluice::test
